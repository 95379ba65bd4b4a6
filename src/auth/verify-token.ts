import type { KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { checkRegisteredClaims, principalOf } from './claims.ts';
import { parseCompactToken } from './compact-token.ts';
import type { IssuerConfig, SignatureAlgorithm } from './issuer-config.ts';
import type { Principal } from './principal.ts';
import { AuthenticationRefused } from './refusal.ts';
import { member } from './strict-json.ts';
import { refuseMisshapenSignature } from './verification-key.ts';

/** A token that is well-formed and says what its issuer may say, if indeed it is the issuer's. */
export type UnverifiedToken = {
  compact: string;
  config: IssuerConfig;
  algorithm: SignatureAlgorithm;
  kid: string | null;
  typ: unknown;
  payload: Record<string, unknown>;
  signature: Buffer;
};

/**
 * Reads all of a token that needs no key. `issuers`: by `iss`; a Map, since `iss` is the caller's word, and
 * `__proto__` is a word too. Throws AuthenticationRefused.
 */
export function inspectToken(
  compact: string,
  issuers: ReadonlyMap<string, { config: IssuerConfig }>,
  nowMs: number,
): UnverifiedToken {
  const { header, payload, signature } = parseCompactToken(compact);
  const issuer = member(payload, 'iss');
  if (typeof issuer !== 'string') throw new AuthenticationRefused('ISSUER_INVALID');
  const config = issuers.get(issuer)?.config;
  if (config === undefined) throw new AuthenticationRefused('ISSUER_UNKNOWN');
  const algorithm = config.algorithms.find((allowed) => allowed === header.alg);
  if (algorithm === undefined) throw new AuthenticationRefused('ALGORITHM_NOT_ALLOWED');
  checkRegisteredClaims(payload, header.typ, config, nowMs);
  return { compact, config, algorithm, kid: header.kid, typ: header.typ, payload, signature };
}

/**
 * Verifies the token with its issuer's key. Returns its principal and the end of its validity in milliseconds since the
 * epoch. Throws AuthenticationRefused.
 */
export function verifyToken(
  token: UnverifiedToken,
  key: KeyObject,
  tokenHash: string,
  nowMs: number,
): { principal: Principal; validUntilMs: number } {
  const { config, algorithm, payload } = token;
  refuseMisshapenSignature(token.signature, algorithm, key);
  try {
    // It checks once more, with its own reading of the token, what was checked already.
    jwt.verify(token.compact, key, {
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
  // Time has passed while the key was fetched.
  const { validUntilMs } = checkRegisteredClaims(payload, token.typ, config, nowMs);
  return { principal: principalOf(payload, config, tokenHash), validUntilMs };
}
