import { type AuthenticationRefusal, AuthenticationRefused } from './refusal.ts';
import { JsonRefused, member, parseStrictJson } from './strict-json.ts';

/** A token taken apart, its form checked; nothing in it is verified. */
export type CompactToken = {
  header: { alg: string; kid: string | null; typ: unknown };
  payload: Record<string, unknown>;
  signature: Buffer;
};

/** Header members that would let the token choose its own key or change what is signed (RFC 8725 sections 3.10, 3.11). */
const refusedHeaderMembers: readonly [string, AuthenticationRefusal][] = [
  ['crit', 'CRIT_PRESENT'],
  ['jwk', 'JWK_PRESENT'],
  ['jku', 'JKU_PRESENT'],
  ['x5u', 'X5U_PRESENT'],
  ['x5c', 'X5C_PRESENT'],
  ['b64', 'B64_PRESENT'],
  ['zip', 'ZIP_PRESENT'],
  ['cty', 'CTY_PRESENT'],
];

const authorizationPattern = /^Bearer +([^ ]+)$/i;
const kidPattern = /^[\x20-\x7e]{1,256}$/;

/**
 * The token in an `Authorization` header (RFC 6750 section 2.1); null is the header's absence.
 * Throws AuthenticationRefused; the length is looked at before anything else.
 */
export function readBearer(authorization: string | null, maxTokenBytes: number): string {
  if (authorization === null) throw new AuthenticationRefused('CREDENTIALS_MISSING');
  if (authorization.length > maxTokenBytes + 'Bearer '.length)
    throw new AuthenticationRefused('TOKEN_TOO_LONG');
  if (!/^Bearer(?: |$)/i.test(authorization)) {
    throw new AuthenticationRefused(authorization === '' ? 'AUTHORIZATION_MALFORMED' : 'SCHEME_UNSUPPORTED');
  }
  const token = authorizationPattern.exec(authorization)?.[1];
  if (token === undefined) throw new AuthenticationRefused('AUTHORIZATION_MALFORMED');
  return token;
}

/** Takes a JWS in compact serialisation (RFC 7515 section 7.1) apart. Throws AuthenticationRefused. */
export function parseCompactToken(token: string): CompactToken {
  const [headerSegment, payloadSegment, signatureSegment, ...others] = token.split('.');
  if (headerSegment === undefined || payloadSegment === undefined || signatureSegment === undefined) {
    throw new AuthenticationRefused('SEGMENTS_WRONG');
  }
  if (others.length > 0) throw new AuthenticationRefused('SEGMENTS_WRONG');

  const header = parseObject(decode(headerSegment), 'HEADER_INVALID', 'HEADER_MEMBER_REPEATED');
  const alg = member(header, 'alg');
  if (typeof alg !== 'string') throw new AuthenticationRefused('ALGORITHM_INVALID');
  // Named apart so that the log shows an attack for what it is; what is allowed is decided by exact comparison alone.
  if (/^\s*none\s*$/i.test(alg)) throw new AuthenticationRefused('ALGORITHM_NONE');
  if (/^\s*hs\d/i.test(alg)) throw new AuthenticationRefused('ALGORITHM_SYMMETRIC');
  for (const [name, refusal] of refusedHeaderMembers) {
    if (Object.hasOwn(header, name)) throw new AuthenticationRefused(refusal);
  }
  const kid = member(header, 'kid');
  if (kid !== undefined && (typeof kid !== 'string' || !kidPattern.test(kid))) {
    throw new AuthenticationRefused('KID_INVALID');
  }

  if (signatureSegment === '') throw new AuthenticationRefused('SIGNATURE_MISSING');
  const signature = decode(signatureSegment);
  const payload = parseObject(decode(payloadSegment), 'PAYLOAD_INVALID', 'PAYLOAD_MEMBER_REPEATED');
  return { header: { alg, kid: kid ?? null, typ: member(header, 'typ') }, payload, signature };
}

function decode(segment: string): Buffer {
  const bytes = Buffer.from(segment, 'base64url');
  // Node skips what it cannot read, and ignores spare bits: only an encoding that comes out the same is the one meant.
  if (bytes.toString('base64url') !== segment) throw new AuthenticationRefused('ENCODING_INVALID');
  return bytes;
}

function parseObject(
  bytes: Buffer,
  invalid: AuthenticationRefusal,
  repeated: AuthenticationRefusal,
): Record<string, unknown> {
  try {
    return parseStrictJson(bytes);
  } catch (cause) {
    const isRepeated = cause instanceof JsonRefused && cause.reason === 'repeated';
    throw new AuthenticationRefused(isRepeated ? repeated : invalid, { cause });
  }
}
