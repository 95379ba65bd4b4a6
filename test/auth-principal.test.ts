import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { createAuthenticator } from '../src/auth/authenticator.ts';
import type { IssuerConfig } from '../src/auth/issuer-config.ts';
import type { Principal } from '../src/auth/principal.ts';
import { issuedAtSeconds, startIssuer } from './support/issuer.ts';
import { signingKey } from './support/tokens.ts';

const key = signingKey('ES256', 'ec');
const named = { subject: 'sub', tenant: 'tenant', roles: 'roles', teams: 'teams' };

/** Authenticates a token with these claims at an issuer that is configured so. */
async function principalFrom(
  config: Partial<IssuerConfig>,
  token: { header?: object; claims?: object },
  scheme = 'Bearer',
): Promise<{ principal: Principal; token: string }> {
  await using issuer = await startIssuer('https://issuer.test', [key]);
  await using authenticator = createAuthenticator({
    issuers: [issuer.config(config)],
    failuresPerMinute: 10,
    now: () => (issuedAtSeconds + 10) * 1000,
  });
  const signed = issuer.token(key, token);
  return { principal: await authenticator.authenticate(`${scheme} ${signed}`, '192.0.2.1'), token: signed };
}

test('the principal carries issuer, subject and the hash of the token', async () => {
  const { principal, token } = await principalFrom({}, {});
  assert.deepEqual(principal, {
    issuer: 'https://issuer.test',
    subject: 'svc-network',
    tenant: null,
    roles: [],
    teams: [],
    tokenHash: createHash('sha256').update(token).digest('hex'),
  });
  assert.ok(
    Object.isFrozen(principal) && Object.isFrozen(principal.roles) && Object.isFrozen(principal.teams),
  );
});

test('an issuer grants nothing unless configured to', async () => {
  const { principal } = await principalFrom({ claims: named }, { claims: { roles: ['admin', 'auditor'] } });
  assert.deepEqual(principal.roles, []);
});

test('roles that may be granted pass, sorted and without repeats; others are dropped', async () => {
  const { principal } = await principalFrom(
    { claims: named, grants: { roles: ['deleter', 'auditor'], tenants: [] } },
    {
      claims: { roles: ['deleter', 'admin', 'Auditor', 'auditor', 'deleter'], teams: ['net', 'core', 'net'] },
    },
  );
  assert.deepEqual(principal.roles, ['auditor', 'deleter']);
  assert.deepEqual(principal.teams, ['core', 'net']);
});

test('a tenant that may be granted passes', async () => {
  const grants = { roles: [], tenants: ['acme'] };
  const { principal } = await principalFrom({ claims: named, grants }, { claims: { tenant: 'acme' } });
  assert.equal(principal.tenant, 'acme');
});

test('claims that are not configured say nothing', async () => {
  const { principal } = await principalFrom(
    { grants: { roles: ['admin'], tenants: ['acme'] } },
    { claims: { roles: ['admin'], tenant: 'acme', teams: ['net'] } },
  );
  assert.deepEqual([principal.tenant, principal.roles, principal.teams], [null, [], []]);
});

test('claims are found by name, inside other claims too, and a dot is part of a name', async () => {
  const { principal } = await principalFrom(
    {
      claims: {
        subject: 'client_id',
        tenant: 'https://claims.test/tenant.id',
        roles: ['realm_access', 'roles'],
        teams: ['missing', 'teams'],
      },
      grants: { roles: ['deleter'], tenants: ['acme'] },
    },
    {
      claims: {
        client_id: 'billing',
        'https://claims.test/tenant.id': 'acme',
        realm_access: { roles: ['deleter'] },
      },
    },
  );
  assert.equal(principal.subject, 'billing');
  assert.equal(principal.tenant, 'acme');
  assert.deepEqual(principal.roles, ['deleter']);
  assert.deepEqual(principal.teams, []);
});

test('`sub` is required, even where another claim names the subject', async () => {
  const claims = { ...named, subject: 'client_id' };
  await assert.rejects(principalFrom({ claims }, { claims: { sub: undefined } }), {
    reason: 'SUBJECT_INVALID',
  });
  await assert.rejects(principalFrom({ claims }, { claims: { client_id: 'a\nb' } }), {
    reason: 'SUBJECT_INVALID',
  });
});

const accepted: [string, Partial<IssuerConfig>, { header?: object; claims?: object }, string?][] = [
  ['one of several audiences', {}, { claims: { aud: ['other', 'portcullis'] } }],
  ['one of several configured audiences', { audiences: ['a', 'b'] }, { claims: { aud: 'b' } }],
  ['typ in full and in other case', {}, { header: { typ: 'application/AT+JWT' } }],
  ['another configured typ', { tokenTypes: ['at+jwt', 'JWT'] }, { header: { typ: 'JWT' } }],
  ['the scheme in other case, with more spaces', {}, {}, 'bEARER  '],
  ['the only key, when the token names none', {}, { header: { kid: undefined } }],
  ['token_use access', {}, { claims: { token_use: 'access', typ: 'Bearer' } }],
  ['just expired, within tolerance', {}, { claims: { exp: issuedAtSeconds - 19 } }],
  ['issued in the future, within tolerance', {}, { claims: { iat: issuedAtSeconds + 40 } }],
  ['not before, within tolerance', {}, { claims: { nbf: issuedAtSeconds + 40 } }],
  ['as old as allowed', {}, { claims: { iat: issuedAtSeconds - 3_619 } }],
  ['fractions of seconds', {}, { claims: { exp: issuedAtSeconds + 0.5 } }],
  ['a subject in another script', {}, { claims: { sub: 'Дмитрий' } }],
];

for (const [name, config, token, scheme] of accepted) {
  test(`accepted: ${name}`, async () => {
    const { principal } = await principalFrom(config, token, scheme);
    assert.equal(principal.issuer, 'https://issuer.test');
  });
}
