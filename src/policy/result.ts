import { z } from 'zod';
import type { PolicyResult } from './decision.ts';
import { plainJson } from './plain-json.ts';

/** What came out of an evaluation is not a result, so nothing follows from it. */
export class MalformedResult extends Error {
  override readonly name = 'MalformedResult';
}

const violationSchema = z.strictObject({
  code: z.string().regex(/^[A-Z][A-Z0-9_]*$/),
  rule: z.string().min(1),
  message: z.string().min(1),
  remedy: z.string().min(1),
  details: z.record(z.string(), z.unknown()),
  exclusive: z.boolean(),
});

const limitSchema = z.strictObject({
  scope: z.enum(['principal', 'tenant', 'region', 'all']),
  window: z.enum(['hour', 'day']),
  limit: z.int().min(0).max(1_000_000_000),
});

const resultSchema = z.strictObject({
  allow: z.boolean(),
  violations: z.array(violationSchema),
  obligations: z.tuple([]),
  limits: z.array(limitSchema),
});

const resultSetSchema = z.tuple([z.strictObject({ result: resultSchema })]);

/**
 * The one result of a result set as opa-wasm returns it. Throws MalformedResult unless there is exactly one, of exactly
 * the form of PolicyResult, which allows when and only when it holds no violation and no obligation. An undefined
 * decision is an empty set; an unresolved promise of a host function would be `{}`.
 */
export function parseResultSet(resultSet: unknown): PolicyResult {
  if (Array.isArray(resultSet) && resultSet.length === 0) {
    throw new MalformedResult('The entrypoint is undefined for this input.');
  }
  const parsed = resultSetSchema.safeParse(resultSet);
  if (!parsed.success) throw new MalformedResult(z.prettifyError(parsed.error), { cause: parsed.error });
  const { result } = parsed.data[0];
  if (result.allow !== (result.violations.length === 0)) {
    throw new MalformedResult(
      `The result has allow: ${result.allow} and ${result.violations.length} violations.`,
    );
  }
  const limited = result.limits.map(({ scope, window }) => `${scope} ${window}`);
  if (new Set(limited).size < limited.length) throw new MalformedResult('The result limits the same twice.');
  try {
    plainJson(result.violations);
  } catch (error) {
    throw new MalformedResult('A violation holds a value that JSON cannot hold exactly.', { cause: error });
  }
  return result;
}
