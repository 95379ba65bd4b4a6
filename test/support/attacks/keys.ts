import { createHmac, createPublicKey, sign } from 'node:crypto';
import { validClaims } from '../issuer.ts';
import { segment, signBytes, signedToken } from '../tokens.ts';
import {
  type Attack,
  bearer,
  ec,
  forEncryption,
  forSigning,
  header,
  leaked,
  ours,
  p384,
  pss,
  rsa,
  stranger,
  theirEc,
  theirNamesake,
  twin,
  valid,
  weak,
  withHeader,
  withKey,
  withSignature,
} from './world.ts';

function hmacWithPublicKey(alg: string): string {
  const pem = createPublicKey(rsa.privateKey).export({ type: 'spki', format: 'pem' });
  return withSignature((input) => createHmac('sha256', pem).update(input).digest(), { alg, kid: 'rsa' });
}

/** Algorithms, header members that choose keys, keys and signatures. */
export const attacksOnKeys: Attack[] = [
  ['no alg', 'ALGORITHM_INVALID', () => bearer(withHeader({ alg: undefined }))],
  ['alg as a list', 'ALGORITHM_INVALID', () => bearer(withHeader({ alg: ['ES256'] }))],
  [
    'alg none without signature',
    'ALGORITHM_NONE',
    () => bearer(withSignature(() => Buffer.alloc(0), { alg: 'none' })),
  ],
  ['alg none with a signature', 'ALGORITHM_NONE', () => bearer(withHeader({ alg: 'none' }))],
  ['alg nOnE', 'ALGORITHM_NONE', () => bearer(withHeader({ alg: 'nOnE' }))],
  ['alg none with a space', 'ALGORITHM_NONE', () => bearer(withHeader({ alg: ' none' }))],
  ['HS256 with the public key as secret', 'ALGORITHM_SYMMETRIC', () => bearer(hmacWithPublicKey('HS256'))],
  ['hs256 in lower case', 'ALGORITHM_SYMMETRIC', () => bearer(hmacWithPublicKey('hs256'))],
  ['an HMAC under an asymmetric alg', 'SIGNATURE_MALFORMED', () => bearer(hmacWithPublicKey('RS256'))],
  ['alg in lower case', 'ALGORITHM_NOT_ALLOWED', () => bearer(withHeader({ alg: 'es256' }))],
  ['alg with a space', 'ALGORITHM_NOT_ALLOWED', () => bearer(withHeader({ alg: 'ES256 ' }))],
  ['alg with a NUL', 'ALGORITHM_NOT_ALLOWED', () => bearer(withHeader({ alg: 'ES256\0' }))],
  [
    'an algorithm that only another issuer uses',
    'ALGORITHM_NOT_ALLOWED',
    () => bearer(signedToken({ ...header, alg: 'ES384', kid: 'p384' }, validClaims(ours), p384)),
  ],
  ['EdDSA', 'ALGORITHM_NOT_ALLOWED', () => bearer(withHeader({ alg: 'EdDSA' }))],
  ['alg __proto__', 'ALGORITHM_NOT_ALLOWED', () => bearer(withHeader({ alg: '__proto__' }))],

  ['crit that names an extension', 'CRIT_PRESENT', () => bearer(withHeader({ crit: ['exp'], exp: 1 }))],
  ['an empty crit', 'CRIT_PRESENT', () => bearer(withHeader({ crit: [] }))],
  ['crit null', 'CRIT_PRESENT', () => bearer(withHeader({ crit: null }))],
  ['an embedded key', 'JWK_PRESENT', () => bearer(withHeader({ jwk: stranger.jwk }, stranger))],
  ['jku', 'JKU_PRESENT', () => bearer(withHeader({ jku: 'https://attacker.test/jwks.json' }, theirNamesake))],
  ['x5u', 'X5U_PRESENT', () => bearer(withHeader({ x5u: 'https://attacker.test/cert' }))],
  ['x5c', 'X5C_PRESENT', () => bearer(withHeader({ x5c: ['MIIB'] }))],
  ['b64', 'B64_PRESENT', () => bearer(withHeader({ b64: false }))],
  ['zip', 'ZIP_PRESENT', () => bearer(withHeader({ zip: 'DEF' }))],
  ['cty', 'CTY_PRESENT', () => bearer(withHeader({ cty: 'JWT' }))],
  ['kid as a number', 'KID_INVALID', () => bearer(withHeader({ kid: 1 }))],
  ['kid as an object', 'KID_INVALID', () => bearer(withHeader({ kid: { toString: 'ec' } }))],
  ['kid null', 'KID_INVALID', () => bearer(withHeader({ kid: null }))],
  ['kid empty', 'KID_INVALID', () => bearer(withHeader({ kid: '' }))],
  ['kid huge', 'KID_INVALID', () => bearer(withHeader({ kid: 'k'.repeat(257) }))],
  ['kid with a line feed', 'KID_INVALID', () => bearer(withHeader({ kid: 'ec\n' }))],
  ['kid with a path', 'KEY_UNKNOWN', () => bearer(withHeader({ kid: '../../../../dev/null' }))],
  ['kid with SQL', 'KEY_UNKNOWN', () => bearer(withHeader({ kid: "ec' OR '1'='1" }))],
  ['kid __proto__', 'KEY_UNKNOWN', () => bearer(withHeader({ kid: '__proto__' }))],
  ['no kid, where several keys would do', 'KEY_AMBIGUOUS', () => bearer(withHeader({ kid: undefined }))],
  ['kid of two keys', 'KEY_AMBIGUOUS', () => bearer(withHeader({ kid: 'twins' }, twin))],
  ['a key of another type', 'KEY_UNFIT', () => bearer(withHeader({ kid: 'rsa' }))],
  ['a key on another curve', 'KEY_UNFIT', () => bearer(withHeader({ kid: 'p384' }))],
  [
    'a key bound to another algorithm',
    'KEY_UNFIT',
    () => bearer(signedToken({ ...header, alg: 'RS256', kid: 'pss' }, validClaims(ours), pss, 'RS256')),
  ],
  ['an RSA key of 1024 bits', 'KEY_UNFIT', () => bearer(withKey(weak))],
  ['a key for encryption', 'KEY_UNFIT', () => bearer(withKey(forEncryption))],
  ['a key that may not verify', 'KEY_UNFIT', () => bearer(withKey(forSigning))],
  ['a key published with its private part', 'KEY_UNFIT', () => bearer(withKey(leaked))],

  ['an empty signature', 'SIGNATURE_MISSING', () => bearer(withSignature(() => Buffer.alloc(0)))],
  [
    'an ES256 signature in DER',
    'SIGNATURE_MALFORMED',
    () => bearer(withSignature((input) => sign('sha256', Buffer.from(input), ec.privateKey))),
  ],
  ['an ES256 signature of zeros', 'SIGNATURE_MALFORMED', () => bearer(withSignature(() => Buffer.alloc(64)))],
  [
    'an ES256 signature with r = 0',
    'SIGNATURE_MALFORMED',
    () => bearer(withSignature((input) => signBytes(input, 'ES256', ec.privateKey).fill(0, 0, 32))),
  ],
  [
    'an ES256 signature with s = 0',
    'SIGNATURE_MALFORMED',
    () => bearer(withSignature((input) => signBytes(input, 'ES256', ec.privateKey).fill(0, 32))),
  ],
  [
    'an ES256 signature too short',
    'SIGNATURE_MALFORMED',
    () => bearer(withSignature((input) => signBytes(input, 'ES256', ec.privateKey).subarray(0, 63))),
  ],
  [
    'an ES256 signature too long',
    'SIGNATURE_MALFORMED',
    () =>
      bearer(
        withSignature((input) => Buffer.concat([signBytes(input, 'ES256', ec.privateKey), Buffer.alloc(1)])),
      ),
  ],
  [
    'an RS256 signature too short',
    'SIGNATURE_MALFORMED',
    () =>
      bearer(
        withSignature((input) => signBytes(input, 'RS256', rsa.privateKey).subarray(1), {
          alg: 'RS256',
          kid: 'rsa',
        }),
      ),
  ],
  [
    'an RS256 signature under PS256',
    'SIGNATURE_INVALID',
    () => bearer(signedToken({ ...header, alg: 'PS256', kid: 'rsa' }, validClaims(ours), rsa, 'RS256')),
  ],
  ['a key that nobody published', 'SIGNATURE_INVALID', () => bearer(withHeader({}, stranger))],
  [
    'a payload changed after signing',
    'SIGNATURE_INVALID',
    () => {
      const [head = '', , signature = ''] = valid().split('.');
      return bearer(`${head}.${segment({ ...validClaims(ours), sub: 'admin' })}.${signature}`);
    },
  ],
  [
    'a header changed after signing',
    'SIGNATURE_INVALID',
    () => bearer([segment({ ...header, more: 1 }), ...valid().split('.').slice(1)].join('.')),
  ],

  ['another issuer’s key', 'KEY_UNKNOWN', () => bearer(withKey(theirEc))],
  ['another issuer’s key of the same name', 'SIGNATURE_INVALID', () => bearer(withKey(theirNamesake))],
];
