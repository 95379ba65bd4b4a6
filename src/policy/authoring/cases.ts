import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { AuthoringError } from './opa.ts';
import { readJson } from './sources.ts';

const expectedViolationSchema = z.strictObject({
  rule: z.string(),
  code: z.string(),
  details: z.record(z.string(), z.unknown()),
  message: z.string().optional(),
  remedy: z.string().optional(),
  exclusive: z.boolean().optional(),
});

const limitSchema = z.strictObject({ scope: z.string(), window: z.string(), limit: z.int() });

const caseSchema = z.strictObject({
  name: z.string().min(1),
  entrypoint: z.enum(['admission', 'decision']),
  /** False where the JSON schema refuses the input before policy sees it; policy must refuse it all the same. */
  inputValid: z.boolean().default(true),
  input: z.unknown(),
  /** A whole data document; data.json of the policy folder where it is left out. */
  data: z.unknown().optional(),
  expect: z.strictObject({
    allow: z.boolean(),
    violations: z.array(expectedViolationSchema),
    limits: z.array(limitSchema).optional(),
  }),
});

/** A golden case: what policy must answer, in every engine. `data` is always filled in. */
export type GoldenCase = z.infer<typeof caseSchema> & { file: string; input: unknown; data: unknown };

/** Reads `cases/*.json` of a policy folder. Throws AuthoringError that names the file where one is malformed. */
export async function readCases(dir: string): Promise<GoldenCase[]> {
  const defaultData = await readJson(dir, 'data.json');
  const files = (await readdir(join(dir, 'cases'))).filter((name) => name.endsWith('.json')).toSorted();
  const cases: GoldenCase[] = [];
  for (const file of files) {
    const parsed = z.array(caseSchema).safeParse(await readJson(dir, `cases/${file}`));
    if (!parsed.success) {
      throw new AuthoringError(`cases/${file} is malformed:\n${z.prettifyError(parsed.error)}`);
    }
    for (const golden of parsed.data) cases.push({ ...golden, file, data: golden.data ?? defaultData });
  }
  return cases;
}

/**
 * How an answer differs from what a case expects, one line a difference; none when it meets it. Only the fields that
 * the case states are compared; the number and the order of the violations always are.
 */
export function differences(golden: GoldenCase, answer: unknown): string[] {
  const parsed = answerSchema.safeParse(answer);
  if (!parsed.success) return [`the answer is malformed: ${JSON.stringify(answer) ?? 'undefined'}`];
  const { allow, violations, limits } = parsed.data;
  const found: string[] = [];
  if (golden.expect.limits !== undefined && !isDeepStrictEqual(limits, golden.expect.limits)) {
    found.push(`limits are ${JSON.stringify(limits)}, expected ${JSON.stringify(golden.expect.limits)}`);
  }
  if (allow !== golden.expect.allow) found.push(`allow is ${allow}, expected ${golden.expect.allow}`);
  if (violations.length !== golden.expect.violations.length) {
    const named = violations.map((violation) => violation.code).join(', ');
    found.push(`${violations.length} violations (${named}), expected ${golden.expect.violations.length}`);
  }
  for (const [index, expected] of golden.expect.violations.entries()) {
    const actual: Record<string, unknown> = violations[index] ?? {};
    for (const [field, value] of Object.entries(expected)) {
      if (isDeepStrictEqual(actual[field], value)) continue;
      found.push(
        `violations[${index}].${field} is ${JSON.stringify(actual[field])}, expected ${JSON.stringify(value)}`,
      );
    }
  }
  return found;
}

const answerSchema = z.strictObject({
  allow: z.boolean(),
  violations: z.array(
    z.strictObject({
      rule: z.string(),
      code: z.string(),
      message: z.string(),
      remedy: z.string(),
      details: z.record(z.string(), z.unknown()),
      exclusive: z.boolean(),
    }),
  ),
  obligations: z.tuple([]),
  limits: z.array(limitSchema),
});
