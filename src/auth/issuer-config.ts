import { z } from 'zod';

/**
 * Signature algorithms that can be configured (RFC 7518 section 3.1). Symmetric ones are left out for good: where a
 * public key verifies, they would turn it into a secret that everyone knows.
 */
export const signatureAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
] as const;

export type SignatureAlgorithm = (typeof signatureAlgorithms)[number];

const loopbackHosts = new Set(['localhost', '127.0.0.1', '[::1]']);

const jwksUrl = z.string().superRefine((text, context) => {
  const url = URL.parse(text);
  const refuse = (message: string) => context.addIssue({ code: 'custom', message });
  if (url === null) return refuse('is not a URL.');
  if (url.username !== '' || url.password !== '' || url.hash !== '') {
    return refuse('must carry neither credentials nor a fragment.');
  }
  if (url.protocol === 'https:' || (url.protocol === 'http:' && loopbackHosts.has(url.hostname))) return;
  refuse(
    'must be https: keys fetched in the clear can be replaced on the way (http is allowed on loopback only).',
  );
});

/** A claim by name, or, where claims lie inside others (`["realm_access", "roles"]`), by the names on the way to it. */
const claimPath = z.union([z.string().min(1), z.array(z.string().min(1)).min(1).readonly()]);

/** One trusted issuer. Everything that widens trust is required or defaults to nothing. */
export const issuerConfigSchema = z.strictObject({
  /** Compared with `iss` letter by letter. */
  issuer: z.string().min(1).max(1024),
  /** Where the public keys come from; `static` holds JWKs (RFC 7517). */
  keys: z.union([
    z.strictObject({ jwksUrl }),
    z.strictObject({ static: z.array(z.record(z.string(), z.unknown())).min(1).max(64).readonly() }),
  ]),
  /** A token must be meant for at least one of these. */
  audiences: z.array(z.string().min(1)).min(1).readonly(),
  algorithms: z.array(z.enum(signatureAlgorithms)).min(1).readonly(),
  /** Accepted values of `typ`, without `application/`. Only `at+jwt` (RFC 9068) tells access tokens apart by itself. */
  tokenTypes: z.array(z.string().min(1)).min(1).readonly().default(['at+jwt']),
  /** By how much the issuer's clock may differ. */
  clockToleranceSeconds: z.number().min(0).max(300).default(30),
  /** Seconds from `iat` after which a token is refused, whatever its `exp`. */
  maxTokenAgeSeconds: z.number().positive().max(31_536_000).default(3_600),
  claims: z
    .strictObject({
      subject: claimPath.default('sub'),
      /** null: the issuer's tokens name no tenant, roles or teams. */
      tenant: claimPath.nullable().default(null),
      roles: claimPath.nullable().default(null),
      teams: claimPath.nullable().default(null),
    })
    .prefault({}),
  /** What this issuer may say of a caller: other roles are dropped, a token with another tenant is refused. */
  grants: z
    .strictObject({
      roles: z.array(z.string().min(1)).readonly().default([]),
      tenants: z.array(z.string().min(1)).readonly().default([]),
    })
    .prefault({}),
});

export type ClaimPath = z.output<typeof claimPath>;
export type IssuerConfig = z.output<typeof issuerConfigSchema>;

/** All trusted issuers; each `issuer` once, so that it is never open whose keys count. */
export const issuerConfigsSchema = z
  .array(issuerConfigSchema)
  .min(1)
  .superRefine((issuers, context) => {
    const seen = new Set<string>();
    for (const [index, { issuer }] of issuers.entries()) {
      if (seen.has(issuer)) {
        context.addIssue({ code: 'custom', path: [index, 'issuer'], message: 'is configured twice.' });
      }
      seen.add(issuer);
    }
  });
