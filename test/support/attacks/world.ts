import type { AuthenticationRefusal } from '../../../src/auth/refusal.ts';
import { validClaims } from '../issuer.ts';
import { type SigningKey, segment, signedToken, signingKey } from '../tokens.ts';

/** One way to be let in without right: `authorization` makes the header (null: none is sent). */
export type Attack = [name: string, reason: AuthenticationRefusal, authorization: () => string | null];

/** The issuer that is attacked, and another one that the gateway trusts too. */
export const ours = 'https://issuer.test';
export const theirs = 'https://other.test';

export const rsa = signingKey('RS256', 'rsa');
export const pss = signingKey('PS256', 'pss', { alg: 'PS256' });
export const ec = signingKey('ES256', 'ec');
export const weak = signingKey('RS256', 'weak', { modulusLength: 1024 });
export const forEncryption = signingKey('RS256', 'for-encryption', { use: 'enc' });
export const forSigning = signingKey('ES256', 'for-signing', { key_ops: ['sign'] });
export const p384 = signingKey('ES384', 'p384');
export const leaked = signingKey('ES256', 'leaked');
leaked.jwk = { ...leaked.privateKey.export({ format: 'jwk' }), kid: 'leaked' };
export const twin = signingKey('ES256', 'twins');
export const otherTwin = signingKey('ES256', 'twins');
export const theirEc = signingKey('ES256', 'their-ec');
export const theirNamesake = signingKey('ES256', 'ec');
export const stranger = signingKey('ES256', 'ec');

/** What both issuers publish. */
export const ourKeys = [rsa, pss, ec, weak, forEncryption, forSigning, p384, leaked, twin, otherTwin];
export const theirKeys = [theirEc, theirNamesake];

/** The header of a valid token; the functions below change one thing and sign the rest as it should be. */
export const header = { alg: 'ES256', typ: 'at+jwt', kid: 'ec' };
export const withHeader = (changes: object, key = ec) =>
  signedToken({ ...header, ...changes }, validClaims(ours), key);
export const withClaims = (changes: object) => signedToken(header, { ...validClaims(ours), ...changes }, ec);
export const rawClaims = (json: string | Buffer) => signedToken(header, json, ec);
/** Claims as JSON text with one piece of text put in its place. */
export const withClaimText = (claim: string, json: string) =>
  rawClaims(JSON.stringify({ ...validClaims(ours), [claim]: '@' }).replace('"@"', json));
export const withSignature = (make: (input: string) => Buffer, changes: object = {}) => {
  const input = `${segment({ ...header, ...changes })}.${segment(validClaims(ours))}`;
  return `${input}.${make(input).toString('base64url')}`;
};
export const valid = () => withClaims({});
export const bearer = (token: string) => `Bearer ${token}`;
export const withKey = (key: SigningKey) => withHeader({ alg: key.alg, kid: key.kid }, key);
