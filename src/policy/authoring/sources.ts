import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AuthoringError } from './opa.ts';

/** A file of the policy folder; `path` is relative to it, with forward slashes. */
export type SourceFile = { path: string; content: Buffer };

/**
 * Everything that decides what the bundle does: decision.rego, the rules and helpers without their tests, the
 * parameters, and the capabilities that they are compiled with. Sorted by path.
 */
export async function readSources(dir: string): Promise<SourceFile[]> {
  const rego = await readRego(dir);
  const compiled = rego.filter((file) => !file.path.endsWith('_test.rego'));
  const others = ['data.json', 'capabilities.json'].map((path) => read(dir, path));
  return sorted([...compiled, ...(await Promise.all(others))]);
}

/** decision.rego, rules and helpers with their tests. Sorted by path. */
export async function readRego(dir: string): Promise<SourceFile[]> {
  const nested = await Promise.all(['lib', 'rules'].map((folder) => list(dir, folder)));
  const top = (await readdir(dir).catch(notThere(dir, ''))).filter((name) => name.endsWith('.rego'));
  const paths = [...top, ...nested.flat()].filter((path) => path.endsWith('.rego'));
  return sorted(await Promise.all(paths.map((path) => read(dir, path))));
}

/** The revision of a bundle: SHA-256, lower-case hex, over the list of the sources' paths and SHA-256 digests. */
export function revisionOf(sources: readonly SourceFile[]): string {
  const lines = sources.map((file) => `${sha256(file.content)}  ${file.path}\n`);
  return sha256(lines.join(''));
}

export function sha256(content: Buffer | string): string {
  return createHash('sha256').update(content).digest('hex');
}

/** A JSON file of the policy folder. Throws AuthoringError when it is missing or is no JSON. */
export async function readJson(dir: string, path: string): Promise<unknown> {
  const { content } = await read(dir, path);
  try {
    return JSON.parse(content.toString('utf8'));
  } catch (error) {
    throw new AuthoringError(`${path} is not JSON: ${(error as Error).message}.`, { cause: error });
  }
}

async function list(dir: string, folder: string): Promise<string[]> {
  const entries = await readdir(join(dir, folder), { recursive: true }).catch(notThere(dir, folder));
  return entries.map((entry) => `${folder}/${entry.replaceAll('\\', '/')}`);
}

async function read(dir: string, path: string): Promise<SourceFile> {
  return { path, content: await readFile(join(dir, path)).catch(notThere(dir, path)) };
}

function notThere(dir: string, path: string) {
  return (error: unknown): never => {
    const what = join(dir, path);
    throw new AuthoringError(
      `${what} cannot be read. Give the folder that holds decision.rego and data.json.`,
      {
        cause: error,
      },
    );
  };
}

function sorted(files: SourceFile[]): SourceFile[] {
  return files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}
