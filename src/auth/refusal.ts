/**
 * Why a caller is not authenticated. These codes stand in the log and in the audit record, and are never told to the
 * caller. A code names what was found first: everything up to `SIGNATURE_INVALID` is read from a token that nobody has
 * vouched for yet, only what comes after it is the issuer's own doing.
 */
export const refusalTable = {
  CREDENTIALS_MISSING: 'no Authorization header was sent',
  SCHEME_UNSUPPORTED: 'the Authorization header uses another scheme than Bearer',
  AUTHORIZATION_MALFORMED: 'the Authorization header is not `Bearer` and one token',
  TOKEN_TOO_LONG: 'the token is longer than the limit',
  SEGMENTS_WRONG: 'the token is not three segments joined by dots',
  ENCODING_INVALID: 'a segment is not canonical base64url',
  HEADER_INVALID: 'the header is not a JSON object in UTF-8',
  HEADER_MEMBER_REPEATED: 'the header names a member twice',
  ALGORITHM_INVALID: '`alg` is missing or no string',
  ALGORITHM_NONE: '`alg` asks for no signature at all',
  ALGORITHM_SYMMETRIC: '`alg` is symmetric, so that a public key would serve as the secret',
  CRIT_PRESENT: '`crit` demands extensions that are not implemented',
  JWK_PRESENT: 'the token brings its own key (`jwk`)',
  JKU_PRESENT: 'the token names its own key set (`jku`)',
  X5U_PRESENT: 'the token names its own certificate (`x5u`)',
  X5C_PRESENT: 'the token brings its own certificate (`x5c`)',
  B64_PRESENT: '`b64` changes what is signed',
  ZIP_PRESENT: '`zip` asks for decompression',
  CTY_PRESENT: '`cty` announces a nested token',
  KID_INVALID: '`kid` is no string, empty, too long, or holds characters other than printable ASCII',
  SIGNATURE_MISSING: 'the signature is empty',
  PAYLOAD_INVALID: 'the payload is not a JSON object in UTF-8',
  PAYLOAD_MEMBER_REPEATED: 'the payload names a member twice',
  ISSUER_INVALID: '`iss` is missing or no string',
  ISSUER_UNKNOWN: '`iss` is none of the configured issuers',
  ALGORITHM_NOT_ALLOWED: '`alg` is not, letter by letter, one that is configured for the issuer',
  TYPE_NOT_ALLOWED: '`typ` is missing or not one that is configured for the issuer',
  ID_TOKEN: 'the token is an ID token, or another kind that is not for calling services',
  CONFIRMATION_UNPROVEN: '`cnf` binds the token to a key, and its possession was not proven',
  SUBJECT_INVALID: 'the subject is missing, too long, or holds characters that do not print',
  AUDIENCE_INVALID: '`aud` is missing, or neither a string nor a list of strings',
  AUDIENCE_MISMATCH: '`aud` names none of the configured audiences',
  EXPIRY_INVALID: '`exp` is missing or no sane number of seconds',
  EXPIRED: 'the token has expired',
  NOT_BEFORE_INVALID: '`nbf` is no sane number of seconds',
  NOT_YET_VALID: 'the token is not valid yet',
  ISSUED_AT_INVALID: '`iat` is missing or no sane number of seconds',
  ISSUED_IN_FUTURE: '`iat` lies in the future',
  TOO_OLD: 'the token is older than the maximum age configured for the issuer',
  KEY_UNKNOWN: "`kid` is not in the issuer's key set",
  KEY_AMBIGUOUS: "several keys of the issuer's key set would do, and nothing says which",
  KEY_UNFIT:
    'the key may not be used with this algorithm: type, curve, size, `use`, `key_ops` or `alg` forbid it',
  SIGNATURE_MALFORMED: 'the signature has not the shape that the algorithm gives it',
  SIGNATURE_INVALID: "the signature does not verify with the issuer's key",
  TENANT_INVALID: 'the tenant claim is no plain string',
  TENANT_NOT_GRANTABLE: 'the issuer may not grant this tenant',
  ROLES_INVALID: 'the roles claim is no list of plain strings',
  TEAMS_INVALID: 'the teams claim is no list of plain strings',
} as const satisfies Record<string, string>;

/** A stable, upper-case code of {@link refusalTable}. */
export type AuthenticationRefusal = keyof typeof refusalTable;

/**
 * The caller is not who a valid token would say. Answer with one opaque 401; `reason` goes to log and audit alone.
 * Nothing that the token says is kept, for none of it may be true.
 */
export class AuthenticationRefused extends Error {
  override readonly name = 'AuthenticationRefused';
  readonly reason: AuthenticationRefusal;

  constructor(reason: AuthenticationRefusal, options: { cause?: unknown } = {}) {
    super(`${reason}: ${refusalTable[reason]}`, options);
    this.reason = reason;
  }

  /**
   * Whether bearer credentials were sent at all: only then does the challenge carry `error="invalid_token"`
   * (RFC 6750 section 3; another scheme counts as none).
   */
  get tokenSent(): boolean {
    return this.reason !== 'CREDENTIALS_MISSING' && this.reason !== 'SCHEME_UNSUPPORTED';
  }
}
