/** Who asks, as established by a verified access token. Every list is sorted and without repeats. */
export type Principal = {
  /** The token's `iss`, exactly as configured. */
  issuer: string;
  /** The token's subject (claim by configuration, `sub` unless told otherwise). */
  subject: string;
  /** The tenant, where the issuer may grant it; null where the token names none. */
  tenant: string | null;
  /** Roles that the issuer may grant; others in the token are dropped. */
  roles: readonly string[];
  teams: readonly string[];
  /** SHA-256 of the token, lower-case hex: ties a record to a token without holding it. */
  tokenHash: string;
};
