import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { type Opa, runOrThrow } from './opa.ts';
import { readJson, readRego, readSources, type SourceFile } from './sources.ts';

const violationSchema = z.object({
  file: z.string(),
  row: z.number(),
  convention: z.string(),
  message: z.string(),
});
const verdictSchema = z.object({
  result: z.tuple([z.object({ expressions: z.tuple([z.object({ value: z.array(violationSchema) })]) })]),
});
const capabilitiesSchema = z.object({ builtins: z.array(z.object({ name: z.string() })) });

/**
 * Has the policy in `conventions/` of the policy folder judge its sources, and returns one line a breach. Throws
 * AuthoringError when a source cannot be parsed.
 */
export async function checkConventions(dir: string, opa: Opa): Promise<string[]> {
  const sources = await readSources(dir);
  const rego = sources.filter((file) => file.path.endsWith('.rego'));
  const input = {
    inspect: await inspect(sources, opa),
    modules: await parse(dir, rego, opa),
    files: (await readRego(dir)).map((file) => file.path),
    codes: await readJson(dir, 'codes.json'),
    builtins: capabilitiesSchema.parse(await readJson(dir, 'capabilities.json')).builtins.map((b) => b.name),
  };
  const policy = (await readdir(join(dir, 'conventions'))).filter((name) => !name.endsWith('_test.rego'));
  const files = policy.flatMap((name) => ['-d', `conventions/${name}`]);
  const text = await runOrThrow(
    opa,
    'opa eval over conventions/',
    ['eval', '--format', 'json', '--stdin-input', ...files, 'data.conventions.violations'],
    { cwd: dir, stdin: JSON.stringify(input) },
  );
  const verdict = verdictSchema.parse(JSON.parse(text)).result[0].expressions[0].value;
  return verdict.map(({ file, row, convention, message }) => `${file}:${row}: ${message} (${convention}).`);
}

/** `opa inspect` takes a whole folder, and of this one only what becomes the bundle is meant. */
async function inspect(sources: readonly SourceFile[], opa: Opa): Promise<unknown> {
  const stage = await mkdtemp(join(tmpdir(), 'portcullis-inspect-'));
  try {
    for (const file of sources.filter((source) => source.path !== 'capabilities.json')) {
      await mkdir(dirname(join(stage, file.path)), { recursive: true });
      await writeFile(join(stage, file.path), file.content);
    }
    const args = ['inspect', '--annotations', '--format', 'json', '.'];
    return JSON.parse(await runOrThrow(opa, 'opa inspect', args, { cwd: stage }));
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

async function parse(dir: string, rego: readonly SourceFile[], opa: Opa): Promise<Record<string, unknown>> {
  const parsed = rego.map(async ({ path }) => {
    const args = ['parse', '--format', 'json', '--json-include', 'locations,comments', path];
    const tree: unknown = JSON.parse(await runOrThrow(opa, `opa parse ${path}`, args, { cwd: dir }));
    return [path, tree] as const;
  });
  return Object.fromEntries(await Promise.all(parsed));
}
