import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import type { SignatureAlgorithm } from './issuer-config.ts';
import { AuthenticationRefused } from './refusal.ts';

/** A public key of one issuer, with every algorithm that type, curve, size and its own restrictions leave it. */
export type VerificationKey = {
  kid: string | null;
  algorithms: ReadonlySet<SignatureAlgorithm>;
  key: KeyObject;
};

/** The keys of one issuer at one time. */
export type KeySet = {
  keys: readonly VerificationKey[];
  /** SHA-256 over the usable keys, lower-case hex: changes whenever what verifies changes. */
  digest: string;
  /** Why keys of the set are not used, one sentence each; holds no key material. */
  unused: readonly string[];
};

const base64url = z.string().regex(/^[A-Za-z0-9_-]+$/);
const usage = {
  kid: z.string().min(1).max(256).optional(),
  use: z.string().optional(),
  key_ops: z.array(z.string()).optional(),
  alg: z.string().optional(),
};
const jwkSchema = z.discriminatedUnion('kty', [
  z.object({ kty: z.literal('RSA'), n: base64url, e: base64url, ...usage }),
  z.object({
    kty: z.literal('EC'),
    crv: z.enum(['P-256', 'P-384', 'P-521']),
    x: base64url,
    y: base64url,
    ...usage,
  }),
]);
type Jwk = z.output<typeof jwkSchema>;

const rsaAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const;
const curveAlgorithm = { 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512' } as const;
/** Bytes of r and s together (RFC 7518 section 3.4). */
const ecdsaSignatureBytes = new Map<SignatureAlgorithm, number>([
  ['ES256', 64],
  ['ES384', 96],
  ['ES512', 132],
]);

/**
 * The keys of a JWK set (RFC 7517). A key that cannot be used safely stays in the set without algorithms, so that a
 * token that names it is refused and not taken for one signed with a key yet to be fetched.
 */
export function readKeySet(jwks: readonly unknown[]): KeySet {
  const unused: string[] = [];
  const keys: VerificationKey[] = [];
  for (const [index, input] of jwks.entries()) {
    const jwk = jwkSchema.safeParse(input).data;
    const key = jwk === undefined ? null : importKey(jwk);
    if (jwk === undefined || key === null) {
      unused.push(`Key ${index} of the set is not used: it cannot be read as an RSA or EC public key.`);
      continue;
    }
    const restriction = restrictionOn(jwk, key, input);
    if (restriction !== null) unused.push(`Key ${index} of the set is not used: ${restriction}.`);
    keys.push({
      kid: jwk.kid ?? null,
      algorithms: new Set(restriction === null ? algorithmsOf(jwk) : []),
      key,
    });
  }
  const fingerprints = keys.map(({ kid, algorithms, key }) =>
    JSON.stringify([kid, [...algorithms], key.export({ type: 'spki', format: 'der' }).toString('base64')]),
  );
  return { keys, digest: createHash('sha256').update(fingerprints.sort().join('\n')).digest('hex'), unused };
}

/** The one key for this `kid` and algorithm, or null where the set has no such `kid`. Throws AuthenticationRefused. */
export function chooseKey(set: KeySet, kid: string | null, algorithm: SignatureAlgorithm): KeyObject | null {
  const named = kid === null ? set.keys : set.keys.filter((key) => key.kid === kid);
  const fit = named.filter((key) => key.algorithms.has(algorithm));
  const [only, another] = fit;
  if (another !== undefined) throw new AuthenticationRefused('KEY_AMBIGUOUS');
  if (only !== undefined) return only.key;
  if (named.length > 0) throw new AuthenticationRefused('KEY_UNFIT');
  return null;
}

/** Throws AuthenticationRefused SIGNATURE_MALFORMED where no such signature can come from this algorithm and key. */
export function refuseMisshapenSignature(
  signature: Buffer,
  algorithm: SignatureAlgorithm,
  key: KeyObject,
): void {
  const ecdsaBytes = ecdsaSignatureBytes.get(algorithm);
  if (ecdsaBytes === undefined) {
    const modulusBits = key.asymmetricKeyDetails?.modulusLength ?? 0;
    if (signature.length !== Math.ceil(modulusBits / 8))
      throw new AuthenticationRefused('SIGNATURE_MALFORMED');
    return;
  }
  const [r, s] = [signature.subarray(0, ecdsaBytes / 2), signature.subarray(ecdsaBytes / 2)];
  const isZero = (half: Buffer) => half.every((byte) => byte === 0);
  if (signature.length !== ecdsaBytes || isZero(r) || isZero(s))
    throw new AuthenticationRefused('SIGNATURE_MALFORMED');
}

function importKey(jwk: Jwk): KeyObject | null {
  // Public members alone, picked one by one: nothing else of the set reaches the key.
  const material: { [name: string]: string } =
    jwk.kty === 'RSA'
      ? { kty: jwk.kty, n: jwk.n, e: jwk.e }
      : { kty: jwk.kty, crv: jwk.crv, x: jwk.x, y: jwk.y };
  try {
    return createPublicKey({ key: material, format: 'jwk' });
  } catch {
    return null;
  }
}

/** Why the key may verify nothing, or null. */
function restrictionOn(jwk: Jwk, key: KeyObject, input: unknown): string | null {
  // Whoever publishes a private key has no key.
  if (typeof input === 'object' && input !== null && 'd' in input) return 'its private part is published';
  if (jwk.use !== undefined && jwk.use !== 'sig') return '`use` is not `sig`';
  if (jwk.key_ops !== undefined && !jwk.key_ops.includes('verify')) return '`key_ops` has no `verify`';
  if (algorithmsOf(jwk).length === 0) return '`alg` does not go with its type or curve';
  if (jwk.kty === 'EC') return null;
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < 2048 || modulusLength > 8192) return 'its modulus is not 2048 to 8192 bits long';
  // With an exponent of 1 a signature is its own message.
  return publicExponent >= 3n && publicExponent % 2n === 1n ? null : 'its exponent is unsound';
}

function algorithmsOf(jwk: Jwk): readonly SignatureAlgorithm[] {
  const all: readonly SignatureAlgorithm[] = jwk.kty === 'RSA' ? rsaAlgorithms : [curveAlgorithm[jwk.crv]];
  return jwk.alg === undefined ? all : all.filter((algorithm) => algorithm === jwk.alg);
}
