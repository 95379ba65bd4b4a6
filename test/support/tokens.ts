import {
  constants,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  sign,
} from 'node:crypto';
import type { SignatureAlgorithm } from '../../src/auth/issuer-config.ts';

/** A key pair of an issuer; `jwk` is what it publishes. */
export type SigningKey = { kid: string; alg: SignatureAlgorithm; privateKey: KeyObject; jwk: JsonWebKey };

const curves: Partial<Record<SignatureAlgorithm, string>> = {
  ES256: 'P-256',
  ES384: 'P-384',
  ES512: 'P-521',
};

/** A new key; `restrictions` are further members of the published JWK. */
export function signingKey(
  alg: SignatureAlgorithm,
  kid: string,
  { modulusLength = 2048, ...restrictions }: { modulusLength?: number } & JsonWebKey = {},
): SigningKey {
  const namedCurve = curves[alg];
  const { privateKey } =
    namedCurve === undefined
      ? generateKeyPairSync('rsa', { modulusLength })
      : generateKeyPairSync('ec', { namedCurve });
  return {
    kid,
    alg,
    privateKey,
    jwk: { ...createPublicKey(privateKey).export({ format: 'jwk' }), kid, ...restrictions },
  };
}

/** Signs as RFC 7518 section 3 says for `alg`. */
export function signBytes(input: string, alg: SignatureAlgorithm, privateKey: KeyObject): Buffer {
  const hash = `sha${alg.slice(2)}`;
  const options = alg.startsWith('ES')
    ? { dsaEncoding: 'ieee-p1363' as const }
    : alg.startsWith('PS')
      ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
      : {};
  return sign(hash, Buffer.from(input), { key: privateKey, ...options });
}

/** JSON of an object; a string is taken as it stands, so that malformed JSON can be signed too. */
export function segment(content: object | string | Buffer): string {
  if (Buffer.isBuffer(content)) return content.toString('base64url');
  return Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)).toString('base64url');
}

/** A really signed token in compact serialisation, of whatever header and payload. */
export function signedToken(
  header: object | string | Buffer,
  payload: object | string | Buffer,
  key: SigningKey,
  signAs: SignatureAlgorithm = key.alg,
): string {
  const input = `${segment(header)}.${segment(payload)}`;
  return `${input}.${signBytes(input, signAs, key.privateKey).toString('base64url')}`;
}
