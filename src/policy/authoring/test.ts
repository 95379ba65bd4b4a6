import { isDeepStrictEqual } from 'node:util';
import { Ajv } from 'ajv';
import { z } from 'zod';
import { compileBundle } from './build.ts';
import { differences, type GoldenCase, readCases } from './cases.ts';
import { askOpa, askWasm } from './engines.ts';
import { type Opa, runOrThrow } from './opa.ts';
import { readJson, readRego } from './sources.ts';

/** What came of working on policies: nothing is wrong exactly when `problems` is empty. All of it is for people. */
export type AuthoringReport = { problems: string[]; summary: string };

/**
 * Runs the Rego tests of the policy folder `dir`, demands that they cover every line of rules, helpers and decision,
 * and puts the golden cases to OPA and to the compiled module, which must both give the expected answer and the same.
 * Throws AuthoringError when OPA cannot be run or the policy does not compile.
 */
export async function testPolicy(dir: string, opa: Opa): Promise<AuthoringReport> {
  const rego = await testRego(dir, opa);
  const golden = await testCases(dir, opa);
  return {
    problems: [...rego.problems, ...golden.problems],
    summary: `${rego.summary}; ${golden.summary}`,
  };
}

const testsSchema = z.array(
  z.object({
    package: z.string(),
    name: z.string(),
    fail: z.boolean().optional(),
    error: z.unknown().optional(),
  }),
);
const rangeSchema = z.object({ start: z.object({ row: z.number() }), end: z.object({ row: z.number() }) });
const coverageSchema = z.object({
  files: z.record(
    z.string(),
    z.object({ covered: z.array(rangeSchema).optional(), not_covered: z.array(rangeSchema).optional() }),
  ),
});

async function testRego(dir: string, opa: Opa): Promise<AuthoringReport> {
  const files = (await readRego(dir)).map((file) => file.path);
  const plain = await opa.run(['test', '--format', 'json', ...files], { cwd: dir });
  if (plain.stdout.trim() === '') {
    return { problems: [`opa test: ${plain.stderr.trim()}`], summary: 'no test was run' };
  }
  const tests = testsSchema.parse(JSON.parse(plain.stdout) ?? []);
  const failed = tests.filter((test) => test.fail === true || test.error != null);
  const problems = failed.map((test) => `The test ${test.package}.${test.name} fails.`);
  if (tests.length === 0) problems.push('There are no Rego tests.');
  if (problems.length === 0) problems.push(...(await uncovered(dir, opa, files)));
  return { problems, summary: `${tests.length - failed.length} of ${tests.length} Rego tests pass` };
}

async function uncovered(dir: string, opa: Opa, files: readonly string[]): Promise<string[]> {
  const args = ['test', '--coverage', '--format', 'json', ...files];
  const report = coverageSchema.parse(
    JSON.parse(await runOrThrow(opa, 'opa test --coverage', args, { cwd: dir })),
  );
  return files
    .filter((file) => !file.endsWith('_test.rego'))
    .flatMap((file) => {
      const coverage = report.files[file];
      if (coverage === undefined) return [`${file} is not covered by any test.`];
      const rows = new Set((coverage.not_covered ?? []).map((range) => range.start.row));
      return rows.size === 0 ? [] : [`${file}: no test reaches the lines ${[...rows].join(', ')}.`];
    });
}

async function testCases(dir: string, opa: Opa): Promise<AuthoringReport> {
  const cases = await readCases(dir);
  const { members } = await compileBundle(dir, opa);
  const inGo = await askOpa(dir, opa, cases);
  const inWasm = await askWasm(members, cases);
  const schemas = await inputSchemas(dir);
  const problems = cases.flatMap((golden, index) => {
    const found = [
      ...differences(golden, inGo[index]).map((difference) => `in OPA, ${difference}`),
      ...differences(golden, inWasm[index]).map((difference) => `in WASM, ${difference}`),
      ...(isDeepStrictEqual(inGo[index], inWasm[index]) ? [] : ['OPA and WASM disagree']),
      ...schemaDifference(golden, schemas[golden.entrypoint](golden.input)),
    ];
    return found.map((difference) => `cases/${golden.file}, "${golden.name}": ${difference}.`);
  });
  if (cases.length === 0) problems.push('There are no golden cases.');
  return { problems, summary: `${cases.length} golden cases put to OPA and to WASM` };
}

async function inputSchemas(dir: string) {
  const ajv = new Ajv({ strict: true });
  const compile = async (name: string) => {
    const schema = await readJson(dir, `schemas/${name}-input.schema.json`);
    return ajv.compile(z.record(z.string(), z.unknown()).parse(schema));
  };
  return { admission: await compile('admission'), decision: await compile('decision') };
}

function schemaDifference(golden: GoldenCase, valid: boolean): string[] {
  if (valid === golden.inputValid) return [];
  return [
    valid ? 'the schema takes the input and should not' : 'the schema refuses the input and should not',
  ];
}
