import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AuthoringError, findOpa, type Opa } from '../../src/policy/authoring/opa.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** The committed policies. */
export const committedPolicies = fileURLToPath(new URL('../../policies/', import.meta.url));

/**
 * OPA, or the reason to skip. Tests of policy authoring are skipped where OPA is not installed, and never in continuous
 * integration: there its absence throws.
 */
export async function opaOrSkip(): Promise<{ opa: Opa; skip: false } | { opa: null; skip: string }> {
  try {
    return { opa: await findOpa(process.env), skip: false };
  } catch (error) {
    if (process.env.CI === 'true' || !(error instanceof AuthoringError)) throw error;
    return { opa: null, skip: error.message };
  }
}

/** A text to be replaced by another; it must occur, so that a change that changes nothing fails its test. */
export type Replacement = readonly [file: string, from: string | RegExp, to: string];

/** A copy of the committed policies to be spoilt, gone at the end of the scope. */
export async function copiedPolicies() {
  const directory = temporaryDirectory();
  const path = join(directory.path, 'some policies');
  await cp(committedPolicies, path, { recursive: true });
  return {
    path,
    async replace([file, from, to]: Replacement): Promise<void> {
      const before = await readFile(join(path, file), 'utf8');
      const after = before.replace(from, () => to);
      if (after === before) throw new Error(`${file} holds no ${from}.`);
      await writeFile(join(path, file), after);
    },
    async remove(file: string): Promise<void> {
      await rm(join(path, file), { recursive: true });
    },
    write: (file: string, content: string | Buffer) => writeFile(join(path, file), content),
    [Symbol.dispose]: () => directory[Symbol.dispose](),
  };
}
