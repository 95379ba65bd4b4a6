import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAuthenticator } from '../src/auth/authenticator.ts';
import { AuthenticationRefused } from '../src/auth/refusal.ts';
import { issuedAtSeconds, startIssuer } from './support/issuer.ts';
import { signingKey } from './support/tokens.ts';

const key = signingKey('ES256', 'first');
const next = signingKey('ES256', 'second');
const source = '192.0.2.1';

/**
 * A gateway where one failure closes a source: from then on only a token that is remembered passes, so that passing
 * shows what is remembered.
 */
async function setUp(verifiedTokens = 10) {
  const issuer = await startIssuer('https://issuer.test', [key]);
  const clock = { ms: (issuedAtSeconds + 10) * 1000 };
  const authenticator = createAuthenticator({
    issuers: [issuer.config({ clockToleranceSeconds: 30, maxTokenAgeSeconds: 200 })],
    failuresPerMinute: 1,
    now: () => clock.ms,
    limits: {
      maxTokenBytes: 8_192,
      verifiedTokens,
      failingSources: 10,
      keys: {
        freshMs: 60_000,
        maxStaleMs: 120_000,
        coolDownMs: 10_000,
        timeoutMs: 5_000,
        maxBytes: 65_536,
        maxKeys: 4,
      },
    },
  });
  const authenticate = (token: string, from = source) => authenticator.authenticate(`Bearer ${token}`, from);
  return {
    issuer,
    clock,
    authenticate,
    closeSource: () => assert.rejects(authenticate('no-token'), { reason: 'SEGMENTS_WRONG' }),
    async [Symbol.asyncDispose]() {
      await authenticator[Symbol.asyncDispose]();
      await issuer[Symbol.asyncDispose]();
    },
  };
}

const closed = { code: 'TOO_MANY_FAILED_AUTHENTICATIONS' };

test('a verified token is remembered, one that was never seen is not', async () => {
  await using world = await setUp();
  const known = world.issuer.token(key);
  const principal = await world.authenticate(known);
  await world.closeSource();
  assert.equal(await world.authenticate(known), principal);
  await assert.rejects(world.authenticate(world.issuer.token(key, { claims: { jti: 'another' } })), closed);
});

test('what differs in one character is another token', async () => {
  await using world = await setUp();
  const known = world.issuer.token(key);
  await world.authenticate(known);
  await assert.rejects(
    world.authenticate(known.slice(0, -4) + (known.endsWith('AAAA') ? 'BBBA' : 'AAAA')),
    AuthenticationRefused,
  );
});

test('a refused token is not remembered as a good one', async () => {
  await using world = await setUp();
  const expired = world.issuer.token(key, { claims: { exp: issuedAtSeconds - 100 } });
  await assert.rejects(world.authenticate(expired), { reason: 'EXPIRED' });
  world.clock.ms += 61_000;
  await assert.rejects(world.authenticate(expired), { reason: 'EXPIRED' });
});

const ends: [string, object, number, string][] = [
  ['its expiry, tolerance included', { exp: issuedAtSeconds + 100 }, issuedAtSeconds + 130, 'EXPIRED'],
  ['the maximum age, tolerance included', {}, issuedAtSeconds + 230, 'TOO_OLD'],
];

for (const [name, claims, endSeconds, reason] of ends) {
  test(`a remembered token is refused from ${name}, on`, async () => {
    await using world = await setUp();
    const token = world.issuer.token(key, { claims });
    await world.authenticate(token);
    world.clock.ms = endSeconds * 1000 - 1;
    await world.closeSource();
    await world.authenticate(token);
    world.clock.ms = endSeconds * 1000;
    await assert.rejects(world.authenticate(token, '192.0.2.2'), { reason });
  });
}

test('a change of the key set makes every token of the issuer be verified anew', async () => {
  await using world = await setUp();
  const token = world.issuer.token(key);
  await world.authenticate(token);
  world.issuer.answerWith({ kind: 'keys', keys: [next.jwk] });
  world.clock.ms += 60_000;
  await assert.rejects(world.authenticate(token), { reason: 'KEY_UNKNOWN' });
});

test('the same key under new restrictions is a change', async () => {
  await using world = await setUp();
  world.issuer.answerWith({ kind: 'keys', keys: [key.jwk, next.jwk] });
  const token = world.issuer.token(key);
  await world.authenticate(token);
  world.issuer.answerWith({ kind: 'keys', keys: [{ ...key.jwk, use: 'enc' }, next.jwk] });
  world.clock.ms += 60_000;
  await assert.rejects(world.authenticate(token), { reason: 'KEY_UNFIT' });
});

test('fetching the same keys again, in other order, forgets nothing', async () => {
  await using world = await setUp();
  world.issuer.answerWith({ kind: 'keys', keys: [key.jwk, next.jwk] });
  const token = world.issuer.token(key);
  await world.authenticate(token);
  world.issuer.answerWith({ kind: 'keys', keys: [next.jwk, key.jwk] });
  world.clock.ms += 60_000;
  await world.closeSource();
  await world.authenticate(token);
  assert.equal(world.issuer.requests(), 2);
});

test('no more tokens are remembered than the limit says', async () => {
  await using world = await setUp(2);
  const [oldest = '', ...newer] = ['a', 'b', 'c'].map((jti) => world.issuer.token(key, { claims: { jti } }));
  await world.authenticate(oldest);
  for (const token of newer) await world.authenticate(token);
  await world.closeSource();
  for (const token of newer) await world.authenticate(token);
  await assert.rejects(world.authenticate(oldest), closed);
});
