import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Members, packMembers, unpack } from './archive.ts';
import { type Opa, runOrThrow } from './opa.ts';
import { readSources, revisionOf } from './sources.ts';

/** Name of the committed bundle in the policy folder. */
export const bundleName = 'bundle.tar.gz';

/** A compiled bundle that is not written anywhere yet. */
export type CompiledBundle = { revision: string; members: Members };

/**
 * Compiles the policy folder `dir` to WASM with nothing but the built-ins of its capabilities.json. The same sources
 * give the same members, byte for byte, wherever the folder lies. Throws AuthoringError with what the compiler said.
 */
export async function compileBundle(dir: string, opa: Opa): Promise<CompiledBundle> {
  const sources = await readSources(dir);
  const revision = revisionOf(sources);
  const work = await mkdtemp(join(tmpdir(), 'portcullis-build-'));
  try {
    const output = join(work, bundleName);
    const inputs = sources.map((file) => file.path).filter((path) => path !== 'capabilities.json');
    const flags = ['-t', 'wasm', '-r', revision, '--capabilities', 'capabilities.json', '-o', output];
    await runOrThrow(opa, 'opa build', ['build', ...flags, ...inputs], { cwd: dir });
    return { revision, members: await unpack(await readFile(output)) };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Compiles the policy folder and writes its bundle.tar.gz. Throws AuthoringError with what the compiler said. */
export async function buildPolicy(dir: string, opa: Opa): Promise<{ revision: string; path: string }> {
  const bundle = await compileBundle(dir, opa);
  const path = join(dir, bundleName);
  await writeFile(path, await packMembers(bundle.members));
  return { revision: bundle.revision, path };
}
