import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Ajv } from 'ajv';
import { z } from 'zod';
import { type Members, unpack } from './archive.ts';
import { bundleName, compileBundle } from './build.ts';
import { renderCapabilities } from './capabilities.ts';
import { checkConventions } from './conventions.ts';
import { AuthoringError, type Opa } from './opa.ts';
import { readJson, readRego, readSources, sha256 } from './sources.ts';
import type { AuthoringReport } from './test.ts';

const remedy = { build: 'Build it with: npm run policy:build.', format: 'Format it with: opa fmt --write.' };

const schemaObject = z.record(z.string(), z.unknown());

/**
 * Checks the policy folder `dir` without changing anything: format, types (strict, with the JSON schemas and with
 * nothing but the listed capabilities), parameters, conventions, and that the committed bundle is what its sources
 * compile to, member by member and byte by byte. Rejects only where a check could not be carried out.
 */
export async function checkPolicy(dir: string, opa: Opa): Promise<AuthoringReport> {
  const checks = [checkFormat, checkTypes, checkParameters, checkCapabilities, checkConventions, checkBundle];
  const problems: string[] = [];
  for (const check of checks) {
    try {
      problems.push(...(await check(dir, opa)));
    } catch (error) {
      if (!(error instanceof AuthoringError)) throw error;
      problems.push(error.message);
    }
  }
  const revision = problems.length === 0 ? await committedRevision(dir) : null;
  const summary = revision === null ? `${problems.length} problems` : `in order, revision ${revision}`;
  return { problems, summary };
}

async function checkFormat(dir: string, opa: Opa): Promise<string[]> {
  const files = [...(await readRego(dir)).map((file) => file.path), ...(await conventionFiles(dir))];
  const output = await opa.run(['fmt', '--list', ...files], { cwd: dir });
  if (output.exitCode !== 0) throw new AuthoringError(`opa fmt failed:\n${output.stderr.trim()}`);
  const listed = output.stdout.split('\n').filter(Boolean);
  return listed.map((path) => `${path} is not formatted. ${remedy.format}`);
}

async function checkTypes(dir: string, opa: Opa): Promise<string[]> {
  const sources = (await readSources(dir)).map((file) => file.path).filter((path) => path.endsWith('.rego'));
  const tests = (await readRego(dir)).map((file) => file.path);
  const strict = ['check', '--strict', '--schema', 'schemas'];
  const runs = [
    [...strict, '--capabilities', 'capabilities.json', ...sources],
    [...strict, ...tests],
    ['check', '--strict', ...(await conventionFiles(dir))],
  ];
  const problems: string[] = [];
  for (const args of runs) {
    const output = await opa.run(args, { cwd: dir });
    if (output.exitCode !== 0) problems.push(`opa check: ${output.stderr.trim()}`);
  }
  return [...new Set(problems)];
}

async function checkParameters(dir: string): Promise<string[]> {
  const schema = await readJson(dir, 'schemas/data.schema.json');
  const validate = new Ajv({ strict: true, allErrors: true }).compile(schemaObject.parse(schema));
  if (validate(await readJson(dir, 'data.json'))) return [];
  return (validate.errors ?? []).map(
    (error) => `data.json: ${error.instancePath || 'the document'} ${error.message}.`,
  );
}

async function checkCapabilities(dir: string, opa: Opa): Promise<string[]> {
  const committed = await readJson(dir, 'capabilities.json');
  if (isDeepStrictEqual(committed, JSON.parse(await renderCapabilities(opa)))) return [];
  return [
    'capabilities.json is not what src/policy/authoring/capabilities.ts makes of it. Correct one of them.',
  ];
}

async function checkBundle(dir: string, opa: Opa): Promise<string[]> {
  const archive = await readFile(join(dir, bundleName)).catch(() => null);
  if (archive === null) return [`There is no ${bundleName}. ${remedy.build}`];
  const rebuilt = await compileBundle(dir, opa);
  const committed = await unpack(archive).catch((error: unknown) => {
    throw new AuthoringError(`${bundleName} cannot be unpacked. ${remedy.build}`, { cause: error });
  });
  return memberDifferences(committed, rebuilt.members).map(
    (difference) => `${bundleName}: ${difference}. ${remedy.build}`,
  );
}

function memberDifferences(committed: Members, rebuilt: Members): string[] {
  const names = [...new Set([...committed.keys(), ...rebuilt.keys()])].toSorted();
  return names.flatMap((name) => {
    const [before, after] = [committed.get(name), rebuilt.get(name)];
    if (before === undefined) return [`${name} is missing`];
    if (after === undefined) return [`${name} has no source`];
    if (before.equals(after)) return [];
    return [`${name} differs: committed ${described(before)}, rebuilt ${described(after)}`];
  });
}

function described(content: Buffer): string {
  return `${content.byteLength} bytes (SHA-256 ${sha256(content).slice(0, 12)}…)`;
}

async function committedRevision(dir: string): Promise<string> {
  const manifest = (await unpack(await readFile(join(dir, bundleName)))).get('/.manifest');
  return z.object({ revision: z.string() }).parse(JSON.parse(String(manifest))).revision;
}

async function conventionFiles(dir: string): Promise<string[]> {
  const names = await readdir(join(dir, 'conventions'));
  return names.filter((name) => name.endsWith('.rego')).map((name) => `conventions/${name}`);
}
