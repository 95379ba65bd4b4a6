import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAuthenticator } from '../src/auth/authenticator.ts';
import { sourceGroup } from '../src/auth/source-group.ts';
import { Problem } from '../src/errors.ts';
import { issuedAtSeconds, startIssuer } from './support/issuer.ts';
import { signingKey } from './support/tokens.ts';

const key = signingKey('ES256', 'first');
const stranger = signingKey('ES256', 'first');

async function setUp(failuresPerMinute: number, failingSources = 100) {
  const issuer = await startIssuer('https://issuer.test', [key]);
  const clock = { ms: (issuedAtSeconds + 10) * 1000 };
  const authenticator = createAuthenticator({
    issuers: [issuer.config()],
    failuresPerMinute,
    now: () => clock.ms,
    limits: {
      maxTokenBytes: 8_192,
      verifiedTokens: 10,
      failingSources,
      keys: {
        freshMs: 600_000,
        maxStaleMs: 600_000,
        coolDownMs: 10_000,
        timeoutMs: 5_000,
        maxBytes: 65_536,
        maxKeys: 4,
      },
    },
  });
  return {
    issuer,
    clock,
    attempt: (authorization: string | null, source: string) =>
      authenticator.authenticate(authorization, source).then(
        () => 'passed',
        (error: unknown) => {
          if (error instanceof Problem) return error.code;
          assert.ok(error instanceof Error && 'reason' in error, String(error));
          return String(error.reason);
        },
      ),
    retryAfterMs: async (source: string) => {
      const error: unknown = await authenticator.authenticate(null, source).catch((thrown) => thrown);
      assert.ok(error instanceof Problem);
      return error.options.retryAfterMs;
    },
    async [Symbol.asyncDispose]() {
      await authenticator[Symbol.asyncDispose]();
      await issuer[Symbol.asyncDispose]();
    },
  };
}

const tooMany = 'TOO_MANY_FAILED_AUTHENTICATIONS';

test('after the limit, a source gets one answer for whatever it sends, until the minute is over', async () => {
  await using world = await setUp(3);
  const good = `Bearer ${world.issuer.token(key)}`;
  const forged = `Bearer ${world.issuer.token(stranger)}`;
  assert.equal(await world.attempt(forged, '192.0.2.1'), 'SIGNATURE_INVALID');
  assert.equal(await world.attempt('Bearer x', '192.0.2.1'), 'SEGMENTS_WRONG');
  world.clock.ms += 20_000;
  assert.equal(await world.attempt(forged, '192.0.2.1'), 'SIGNATURE_INVALID');

  for (const authorization of [forged, good, 'Bearer x', 'Basic x', '', null]) {
    assert.equal(await world.attempt(authorization, '192.0.2.1'), tooMany);
  }
  assert.equal(await world.retryAfterMs('192.0.2.1'), 40_000);
  assert.equal(await world.attempt(good, '192.0.2.2'), 'passed', 'others are not concerned');

  world.clock.ms += 39_999;
  assert.equal(await world.attempt(forged, '192.0.2.1'), tooMany);
  world.clock.ms += 1;
  assert.equal(await world.attempt(forged, '192.0.2.1'), 'SIGNATURE_INVALID');
});

test('requests without a token are no guesses', async () => {
  await using world = await setUp(1);
  assert.equal(await world.attempt(null, '192.0.2.1'), 'CREDENTIALS_MISSING');
  assert.equal(await world.attempt('Basic x', '192.0.2.1'), 'SCHEME_UNSUPPORTED');
  assert.equal(await world.attempt(`Bearer ${world.issuer.token(key)}`, '192.0.2.1'), 'passed');
});

test('many guesses at once, while the keys are fetched, do not slip through together', async () => {
  await using world = await setUp(2);
  const release = world.issuer.hold();
  const asked = world.issuer.nextRequest();
  const forged = (jti: number) => `Bearer ${world.issuer.token(stranger, { claims: { jti } })}`;
  const attempts = Array.from({ length: 10 }, (_, jti) => world.attempt(forged(jti), '192.0.2.1'));
  await asked;
  release();
  const answers = await Promise.all(attempts);
  assert.equal(answers.filter((answer) => answer === 'SIGNATURE_INVALID').length, 2);
  assert.equal(answers.filter((answer) => answer === tooMany).length, 8);
});

test('a good token that waited for the keys meanwhile is verified no more', async () => {
  await using world = await setUp(1);
  const release = world.issuer.hold();
  const asked = world.issuer.nextRequest();
  const forged = world.attempt(`Bearer ${world.issuer.token(stranger)}`, '192.0.2.1');
  const good = world.attempt(`Bearer ${world.issuer.token(key)}`, '192.0.2.1');
  await asked;
  release();
  assert.deepEqual(await Promise.all([forged, good]), ['SIGNATURE_INVALID', tooMany]);
});

test('a source over the limit makes the gateway fetch nothing', async () => {
  await using world = await setUp(1);
  assert.equal(
    await world.attempt(`Bearer ${world.issuer.token(stranger)}`, '192.0.2.1'),
    'SIGNATURE_INVALID',
  );
  world.clock.ms += 30_000;
  const unknownKid = `Bearer ${world.issuer.token({ ...key, kid: 'made-up' })}`;
  assert.equal(await world.attempt(unknownKid, '192.0.2.1'), tooMany);
  assert.equal(world.issuer.requests(), 1);
});

test('the addresses of one /64 are one source', async () => {
  await using world = await setUp(1);
  assert.equal(await world.attempt('Bearer x', '2001:db8:0:1::1'), 'SEGMENTS_WRONG');
  assert.equal(await world.attempt('Bearer x', '2001:db8:0:1:ffff::2'), tooMany);
  assert.equal(await world.attempt('Bearer x', '2001:db8:0:2::1'), 'SEGMENTS_WRONG');
});

test('the number of remembered sources is bounded', async () => {
  await using world = await setUp(1, 2);
  for (const source of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) await world.attempt('Bearer x', source);
  assert.equal(await world.attempt('Bearer x', '192.0.2.3'), tooMany);
  assert.equal(
    await world.attempt('Bearer x', '192.0.2.1'),
    'SEGMENTS_WRONG',
    'forgotten, for it was quiet longest',
  );
});

const groups: [address: string, group: string][] = [
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::FFFF:c000:0201', '192.0.2.1'],
  ['::1', '0:0:0:0::/64'],
  ['::', '0:0:0:0::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:0DB8:0000:0001:0002:0003:0004:0005', '2001:db8:0:1::/64'],
  ['2001:db8:1:2:3:4:5::', '2001:db8:1:2::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
  ['unknown', 'unknown'],
  ['x'.repeat(100), 'x'.repeat(64)],
];

for (const [address, group] of groups) {
  test(`the source ${address} is counted as ${group}`, () => {
    assert.equal(sourceGroup(address), group);
  });
}
