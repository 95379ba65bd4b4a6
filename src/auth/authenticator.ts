import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { readBearer } from './compact-token.ts';
import { createFailureLimiter } from './failure-limiter.ts';
import { type IssuerConfig, issuerConfigsSchema } from './issuer-config.ts';
import { createKeySource, type KeyLimits, type KeySource, type KeyState } from './key-source.ts';
import type { Principal } from './principal.ts';
import { AuthenticationRefused } from './refusal.ts';
import { chooseKey } from './verification-key.ts';
import { inspectToken, verifyToken } from './verify-token.ts';

export type AuthenticationLimits = {
  /** Characters of the compact token; a token is ASCII. */
  maxTokenBytes: number;
  /** How many verified tokens are remembered. */
  verifiedTokens: number;
  /** How many failing sources are remembered. */
  failingSources: number;
  keys: KeyLimits;
};

const defaultLimits: AuthenticationLimits = {
  maxTokenBytes: 8_192,
  verifiedTokens: 10_000,
  failingSources: 10_000,
  keys: {
    freshMs: 600_000,
    maxStaleMs: 3_600_000,
    coolDownMs: 10_000,
    timeoutMs: 3_000,
    maxBytes: 262_144,
    maxKeys: 64,
  },
};

export type Authenticator = {
  /**
   * Who sends this `Authorization` header (null: none was sent). `source` is the client's address.
   * Throws AuthenticationRefused with the reason; Problem KEYS_UNAVAILABLE where the issuer's keys cannot be had, and
   * TOO_MANY_FAILED_AUTHENTICATIONS where the source failed too often, both with `retryAfterMs`.
   */
  authenticate(authorization: string | null, source: string): Promise<Principal>;
  /**
   * Ready as soon as the tokens of at least one issuer can be verified: one issuer's outage is not everyone's.
   * `detail` tells an operator of each issuer; it holds no key material.
   */
  ready(): { ok: boolean; detail: string; issuers: readonly KeyState[] };
  [Symbol.asyncDispose](): Promise<void>;
};

type Trusted = { config: IssuerConfig; keys: KeySource };
type Verified = { principal: Principal; trusted: Trusted; keySetDigest: string; validUntilMs: number };

/**
 * Builds the authenticator and begins to fetch keys. `now`: milliseconds since the epoch. `failuresPerMinute`: failed
 * authentications of one source, after which only tokens that were verified before pass from there.
 * Throws ZodError or Error where the issuers' configuration cannot be trusted.
 */
export function createAuthenticator(deps: {
  issuers: readonly IssuerConfig[];
  failuresPerMinute: number;
  now: () => number;
  limits?: AuthenticationLimits;
}): Authenticator {
  const { limits = defaultLimits, now } = deps;
  const stop = new AbortController();
  const issuers = new Map<string, Trusted>(
    issuerConfigsSchema
      .parse(deps.issuers)
      .map((config) => [
        config.issuer,
        { config, keys: createKeySource(config, { limits: limits.keys, now, stop: stop.signal }) },
      ]),
  );
  const verified = new LRUCache<string, Verified>({ max: limits.verifiedTokens });
  const failures = createFailureLimiter({
    failuresPerMinute: deps.failuresPerMinute,
    sources: limits.failingSources,
    now,
  });

  /** A token that was verified before, while it is valid and its issuer's keys are the ones it was verified with. */
  async function recall(tokenHash: string): Promise<Principal | null> {
    const entry = verified.get(tokenHash);
    if (entry === undefined) return null;
    const { digest } = await entry.trusted.keys.current();
    if (digest === entry.keySetDigest && now() < entry.validUntilMs) return entry.principal;
    verified.delete(tokenHash);
    return null;
  }

  /**
   * Runs one step at a stretch, and counts its refusal before anyone else of this source gets his turn: a hundred
   * guesses that waited for the same keys are then not verified all together.
   */
  function attempt<Result>(source: string, step: () => Result): Result {
    try {
      return step();
    } catch (error) {
      if (error instanceof AuthenticationRefused) {
        // What a source is told once it is over the limit does not depend on what it sends.
        failures.refuseIfOver(source);
        // A request without a token is no guess.
        if (error.tokenSent) failures.failed(source);
      }
      throw error;
    }
  }

  async function verify(compact: string, tokenHash: string, source: string): Promise<Verified> {
    failures.refuseIfOver(source);
    const token = attempt(source, () => inspectToken(compact, issuers, now()));
    const trusted = issuers.get(token.config.issuer);
    if (trusted === undefined) throw new Error('A token was inspected for an issuer that is not trusted.');
    let set = await trusted.keys.current();
    let key = attempt(source, () => chooseKey(set, token.kid, token.algorithm));
    if (key === null) {
      set = await trusted.keys.afterUnknownKid();
      key = attempt(source, () => chooseKey(set, token.kid, token.algorithm));
    }
    failures.refuseIfOver(source);
    return attempt(source, () => {
      if (key === null) throw new AuthenticationRefused('KEY_UNKNOWN');
      return { ...verifyToken(token, key, tokenHash, now()), trusted, keySetDigest: set.digest };
    });
  }

  for (const { keys } of issuers.values()) keys.current().catch(() => {});

  return {
    async authenticate(authorization, source) {
      const token = attempt(source, () => readBearer(authorization, limits.maxTokenBytes));
      const tokenHash = createHash('sha256').update(token).digest('hex');
      const known = await recall(tokenHash);
      if (known !== null) return known;
      const entry = await verify(token, tokenHash, source);
      verified.set(tokenHash, entry);
      return entry.principal;
    },
    ready() {
      const states = [...issuers.values()].map(({ keys }) => keys.state());
      // Nobody sends requests to an instance that is not ready: it has to look for keys by itself.
      for (const { keys } of issuers.values()) keys.current().catch(() => {});
      return {
        ok: states.some(({ state }) => state !== 'missing'),
        detail: states.map(describeKeys).join('; '),
        issuers: states,
      };
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('The authenticator is closed.'));
      verified.clear();
    },
  };
}

function describeKeys({ issuer, state, usableKeys, remarks }: KeyState): string {
  return [`${issuer}: ${usableKeys} usable keys, ${state}`, ...remarks].join('. ');
}
