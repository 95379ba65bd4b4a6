import { createHash } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { LRUCache } from 'lru-cache';
import { checkRegisteredClaims, principalOf } from './claims.ts';
import { parseCompactToken, readBearer } from './compact-token.ts';
import { createFailureLimiter } from './failure-limiter.ts';
import { type IssuerConfig, issuerConfigsSchema, type SignatureAlgorithm } from './issuer-config.ts';
import { createKeySource, type KeyLimits, type KeySource, type KeyState } from './key-source.ts';
import type { Principal } from './principal.ts';
import { AuthenticationRefused } from './refusal.ts';
import { member } from './strict-json.ts';
import { chooseKey, type KeySet, refuseMisshapenSignature } from './verification-key.ts';

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
  // A Map, not an object: `iss` is the caller's word, and `__proto__` is a word too.
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

  async function verify(token: string, tokenHash: string, source: string): Promise<Verified> {
    const { header, payload, signature } = parseCompactToken(token);
    const issuer = member(payload, 'iss');
    if (typeof issuer !== 'string') throw new AuthenticationRefused('ISSUER_INVALID');
    const trusted = issuers.get(issuer);
    if (trusted === undefined) throw new AuthenticationRefused('ISSUER_UNKNOWN');
    const { config } = trusted;
    const algorithm = config.algorithms.find((allowed) => allowed === header.alg);
    if (algorithm === undefined) throw new AuthenticationRefused('ALGORITHM_NOT_ALLOWED');
    checkRegisteredClaims(payload, header.typ, config, now());

    const { key, set } = await keyFor(trusted.keys, header.kid, algorithm);
    // Others of this source may have failed while the keys were fetched.
    failures.refuseIfOver(source);
    refuseMisshapenSignature(signature, algorithm, key);
    const nowMs = now();
    try {
      jwt.verify(token, key, {
        algorithms: [algorithm],
        issuer: config.issuer,
        audience: config.audiences as [string, ...string[]],
        clockTimestamp: nowMs / 1000,
        clockTolerance: config.clockToleranceSeconds,
        maxAge: config.maxTokenAgeSeconds,
      });
    } catch (cause) {
      throw new AuthenticationRefused('SIGNATURE_INVALID', { cause });
    }
    const { validUntilMs } = checkRegisteredClaims(payload, header.typ, config, nowMs);
    return {
      principal: principalOf(payload, config, tokenHash),
      trusted,
      keySetDigest: set.digest,
      validUntilMs,
    };
  }

  async function authenticate(authorization: string | null, source: string): Promise<Principal> {
    const token = readBearer(authorization, limits.maxTokenBytes);
    const tokenHash = createHash('sha256').update(token).digest('hex');
    const known = await recall(tokenHash);
    if (known !== null) return known;
    failures.refuseIfOver(source);
    const entry = await verify(token, tokenHash, source);
    verified.set(tokenHash, entry);
    return entry.principal;
  }

  for (const { keys } of issuers.values()) keys.current().catch(() => {});

  return {
    async authenticate(authorization, source) {
      try {
        return await authenticate(authorization, source);
      } catch (error) {
        if (!(error instanceof AuthenticationRefused)) throw error;
        // What a source is told once it is over the limit does not depend on what it sends.
        failures.refuseIfOver(source);
        // A request without a token is no guess.
        if (error.tokenSent) failures.failed(source);
        throw error;
      }
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

async function keyFor(keys: KeySource, kid: string | null, algorithm: SignatureAlgorithm) {
  let set: KeySet = await keys.current();
  let key = chooseKey(set, kid, algorithm);
  if (key === null) {
    set = await keys.afterUnknownKid();
    key = chooseKey(set, kid, algorithm);
  }
  if (key === null) throw new AuthenticationRefused('KEY_UNKNOWN');
  return { key, set };
}

function describeKeys({ issuer, state, usableKeys, remarks }: KeyState): string {
  return [`${issuer}: ${usableKeys} usable keys, ${state}`, ...remarks].join('. ');
}
