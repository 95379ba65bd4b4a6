import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Authenticator, createAuthenticator } from '../src/auth/authenticator.ts';
import { type AuthenticationRefusal, AuthenticationRefused, refusalTable } from '../src/auth/refusal.ts';
import { attacksOnClaims } from './support/attacks/claims.ts';
import { attacksOnForm } from './support/attacks/form.ts';
import { attacksOnKeys } from './support/attacks/keys.ts';
import * as world from './support/attacks/world.ts';
import { issuedAtSeconds, startIssuer, type TestIssuer } from './support/issuer.ts';

const { bearer, withClaims, withHeader, rawClaims } = world;
const nowMs = (issuedAtSeconds + 10) * 1000;
const attacks = [...attacksOnForm, ...attacksOnKeys, ...attacksOnClaims];

let issuer: TestIssuer;
let other: TestIssuer;
let authenticator: Authenticator;

before(async () => {
  issuer = await startIssuer(world.ours, world.ourKeys);
  other = await startIssuer(world.theirs, world.theirKeys);
  authenticator = createAuthenticator({
    issuers: [
      issuer.config({
        claims: { subject: 'sub', tenant: 'tenant', roles: 'roles', teams: 'teams' },
        grants: { roles: ['deleter'], tenants: ['acme'] },
      }),
      other.config({ algorithms: ['ES256', 'ES384'] }),
    ],
    failuresPerMinute: 1_000_000,
    now: () => nowMs,
  });
});

after(async () => {
  await authenticator[Symbol.asyncDispose]();
  await issuer[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
});
test('a valid token passes, with every configured algorithm', async () => {
  for (const key of [world.rsa, world.pss, world.ec]) {
    const principal = await authenticator.authenticate(bearer(issuer.token(key)), '192.0.2.1');
    assert.equal(principal.subject, 'svc-network');
  }
  const crossed = await authenticator.authenticate(bearer(other.token(world.theirEc)), '192.0.2.1');
  assert.equal(crossed.issuer, world.theirs);
});

for (const [name, reason, authorization] of attacks) {
  test(`refused as ${reason}: ${name}`, async () => {
    await assert.rejects(authenticator.authenticate(authorization(), '192.0.2.1'), (error) => {
      assert.ok(error instanceof AuthenticationRefused, String(error));
      assert.equal(error.reason, reason);
      return true;
    });
  });
}

test('every reason for a refusal has an attack that meets it', () => {
  const met = new Set(attacks.map(([, reason]) => reason));
  assert.deepEqual([...met].sort(), Object.keys(refusalTable).sort());
});

test('an error is named to the caller only where a bearer token was sent', () => {
  const without = (Object.keys(refusalTable) as AuthenticationRefusal[]).filter(
    (reason) => !new AuthenticationRefused(reason).tokenSent,
  );
  assert.deepEqual(without, ['CREDENTIALS_MISSING', 'SCHEME_UNSUPPORTED']);
});

test('a refusal repeats nothing that the token said', async () => {
  const secret = 'do-not-repeat-me';
  const tokens = [
    withClaims({ iss: secret }),
    withClaims({ tenant: secret }),
    withHeader({ kid: secret, alg: secret }),
    rawClaims(`{"${secret}"`),
    withClaims({ aud: secret }),
  ];
  for (const token of tokens) {
    const error: unknown = await authenticator
      .authenticate(bearer(token), '192.0.2.1')
      .catch((thrown) => thrown);
    assert.ok(error instanceof AuthenticationRefused);
    const told: string[] = [];
    for (let at: unknown = error; at instanceof Error; at = at.cause)
      told.push(String(at.stack), JSON.stringify(at));
    assert.ok(!told.join('\n').includes(secret), told.join('\n'));
    assert.ok(!told.join('\n').includes(token));
  }
});
