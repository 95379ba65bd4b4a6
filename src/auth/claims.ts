import type { ClaimPath, IssuerConfig } from './issuer-config.ts';
import type { Principal } from './principal.ts';
import { type AuthenticationRefusal, AuthenticationRefused } from './refusal.ts';
import { member } from './strict-json.ts';

type Payload = Record<string, unknown>;

/** Later than this is no time in seconds: a clock in milliseconds, or an attempt at a token without end. */
const latestSeconds = 100_000_000_000;
const maxListLength = 256;
const maxTextLength = 255;
/** Members of ID tokens (OpenID Connect Core 1.0 sections 2 and 3.3.2.11) and of security events (RFC 8417). */
const membersOfOtherTokens = ['nonce', 'at_hash', 'c_hash', 's_hash', 'events'];

/**
 * Refuses what is no access token for us: by `typ` (RFC 8725 section 3.11, RFC 9068 section 2.1), by members of ID
 * tokens, by an audience that is not ours, by time, and by a binding to a key (`cnf`, RFC 7800) that nobody proved.
 * Returns the end of the token's validity, in milliseconds since the epoch, tolerance included. Throws AuthenticationRefused.
 */
export function checkRegisteredClaims(
  payload: Payload,
  typ: unknown,
  config: IssuerConfig,
  nowMs: number,
): { validUntilMs: number } {
  const refuseIf = (applies: boolean, reason: AuthenticationRefusal) => {
    if (applies) throw new AuthenticationRefused(reason);
  };
  refuseIf(!isAllowedType(typ, config.tokenTypes), 'TYPE_NOT_ALLOWED');
  refuseIf(isOtherKindOfToken(payload), 'ID_TOKEN');
  refuseIf(Object.hasOwn(payload, 'cnf'), 'CONFIRMATION_UNPROVEN');
  refuseIf(!isPlainText(member(payload, 'sub')), 'SUBJECT_INVALID');

  const audience = member(payload, 'aud');
  const audiences: unknown[] = Array.isArray(audience) ? audience : [audience];
  refuseIf(
    audiences.length === 0 || !audiences.every((each) => typeof each === 'string'),
    'AUDIENCE_INVALID',
  );
  refuseIf(!config.audiences.some((ours) => audiences.includes(ours)), 'AUDIENCE_MISMATCH');

  const now = nowMs / 1000;
  const tolerance = config.clockToleranceSeconds;
  const expiry = numericDate(payload, 'exp', 'EXPIRY_INVALID');
  const issuedAt = numericDate(payload, 'iat', 'ISSUED_AT_INVALID');
  const notBefore = Object.hasOwn(payload, 'nbf')
    ? numericDate(payload, 'nbf', 'NOT_BEFORE_INVALID')
    : issuedAt;
  const oldest = issuedAt + config.maxTokenAgeSeconds;
  refuseIf(now >= expiry + tolerance, 'EXPIRED');
  refuseIf(now < issuedAt - tolerance, 'ISSUED_IN_FUTURE');
  refuseIf(now < notBefore - tolerance, 'NOT_YET_VALID');
  refuseIf(now >= oldest + tolerance, 'TOO_OLD');
  return { validUntilMs: (Math.min(expiry, oldest) + tolerance) * 1000 };
}

/**
 * Who a verified payload speaks of, within what the issuer may grant: other roles are dropped, but another tenant
 * refuses the token, since dropping it would turn the caller into one without a tenant. Throws AuthenticationRefused.
 */
export function principalOf(payload: Payload, config: IssuerConfig, tokenHash: string): Principal {
  const { claims, grants } = config;
  const subject = claimAt(payload, claims.subject);
  if (!isPlainText(subject)) throw new AuthenticationRefused('SUBJECT_INVALID');
  const tenant = claims.tenant === null ? undefined : claimAt(payload, claims.tenant);
  if (tenant !== undefined && !isPlainText(tenant)) throw new AuthenticationRefused('TENANT_INVALID');
  if (tenant !== undefined && !grants.tenants.includes(tenant)) {
    throw new AuthenticationRefused('TENANT_NOT_GRANTABLE');
  }
  const roles = textList(payload, claims.roles, 'ROLES_INVALID').filter((role) =>
    grants.roles.includes(role),
  );
  const teams = textList(payload, claims.teams, 'TEAMS_INVALID');
  return Object.freeze({
    issuer: config.issuer,
    subject,
    tenant: tenant ?? null,
    roles: Object.freeze(roles),
    teams: Object.freeze(teams),
    tokenHash,
  });
}

function isAllowedType(typ: unknown, allowed: readonly string[]): boolean {
  // RFC 7515 section 4.1.9: a media type, compared without regard to case, `application/` may be left out.
  const plain = (type: string) => type.toLowerCase().replace(/^application\//, '');
  return typeof typ === 'string' && allowed.some((type) => plain(type) === plain(typ));
}

function isOtherKindOfToken(payload: Payload): boolean {
  const use = member(payload, 'token_use');
  const type = member(payload, 'typ');
  return (
    membersOfOtherTokens.some((name) => Object.hasOwn(payload, name)) ||
    // Two widespread issuers tell their kinds of token apart by a claim.
    (use !== undefined && use !== 'access') ||
    (type !== undefined && type !== 'Bearer')
  );
}

function numericDate(payload: Payload, name: string, reason: AuthenticationRefusal): number {
  const value = member(payload, name);
  // `1e999` is read as Infinity, which is a number and never over.
  if (typeof value !== 'number' || !(value >= 0 && value <= latestSeconds))
    throw new AuthenticationRefused(reason);
  return value;
}

function claimAt(payload: Payload, path: ClaimPath): unknown {
  let value: unknown = payload;
  for (const name of typeof path === 'string' ? [path] : path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    value = member(value as Payload, name);
  }
  return value;
}

/** Sorted, without repeats; empty where the claim is not configured or not in the token. */
function textList(payload: Payload, path: ClaimPath | null, reason: AuthenticationRefusal): string[] {
  const value = path === null ? undefined : claimAt(payload, path);
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length > maxListLength) throw new AuthenticationRefused(reason);
  const texts: unknown[] = value;
  if (!texts.every(isPlainText)) throw new AuthenticationRefused(reason);
  return [...new Set(texts)].sort();
}

/** A name that looks like what it is: bounded, composed (NFC), no edge spaces, nothing invisible or unassigned. */
function isPlainText(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length > 0 &&
    value.length <= maxTextLength &&
    !/[\p{C}\p{Zl}\p{Zp}]/u.test(value) &&
    value === value.normalize('NFC') &&
    value === value.trim()
  );
}
