import { hash } from 'node:crypto';
import { apiErrors } from './api-error.ts';

/** What the first call with a token asked, as a digest, and what it was answered. */
type Remembered = { asked: string; answer: Record<string, unknown> };

/**
 * ClientToken semantics of the VPC API: the same token with the same parameters answers what the first call answered,
 * with other parameters it is refused. Only successes are remembered, so a refused call may be tried again. Calls
 * run to their end without waiting for anything, so two with one token can never overlap.
 */
export type ClientTokens = {
  /** Runs `run` unless the call's token was used before in its account. Throws ApiError IdempotentParameterMismatch or for a bad token. */
  once(
    call: { accountId: string; action: string; parameters: ReadonlyMap<string, string> },
    run: () => Record<string, unknown>,
  ): { answer: Record<string, unknown>; replayed: boolean };
};

const maxTokens = 100_000;
/** Parameters that belong to the signature or the token itself, not to what is asked. */
const apart =
  /^(ClientToken|AccessKeyId|Signature\w*|Timestamp|SecurityToken|Format|Action|Version|BearerToken)$/;

export function createClientTokens(): ClientTokens {
  const tokens = new Map<string, Remembered>();
  return {
    once({ accountId, action, parameters }, run) {
      const token = parameters.get('ClientToken');
      if (token === undefined || token === '') return { answer: run(), replayed: false };
      if (!/^[\x20-\x7e]{1,64}$/.test(token)) throw apiErrors.tokenInvalid();
      const meant = [...parameters].filter(([name]) => !apart.test(name));
      const asked = hash(
        'sha256',
        JSON.stringify([action, ...meant.map((pair) => JSON.stringify(pair)).sort()]),
      );
      const name = JSON.stringify([accountId, token]);
      const earlier = tokens.get(name);
      if (earlier !== undefined) {
        if (earlier.asked !== asked) throw apiErrors.tokenMismatch();
        return { answer: earlier.answer, replayed: true };
      }
      const answer = run();
      tokens.set(name, { asked, answer });
      const [oldest] = tokens.keys();
      if (tokens.size > maxTokens && oldest !== undefined) tokens.delete(oldest);
      return { answer, replayed: false };
    },
  };
}
