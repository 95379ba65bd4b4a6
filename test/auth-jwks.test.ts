import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Authenticator, createAuthenticator } from '../src/auth/authenticator.ts';
import type { KeyLimits } from '../src/auth/key-source.ts';
import { Problem } from '../src/errors.ts';
import { type Answer, issuedAtSeconds, startIssuer, type TestIssuer } from './support/issuer.ts';
import { signingKey } from './support/tokens.ts';

const key = signingKey('ES256', 'first');
const next = signingKey('ES256', 'second');
const keyLimits: KeyLimits = {
  freshMs: 60_000,
  maxStaleMs: 200_000,
  coolDownMs: 10_000,
  timeoutMs: 5_000,
  maxBytes: 65_536,
  maxKeys: 4,
};

/** One issuer, one gateway that trusts it, and a clock that stands still until it is moved. */
async function setUp(options: { limits?: Partial<KeyLimits>; first?: Answer } = {}) {
  const issuer = await startIssuer('https://issuer.test', [key]);
  if (options.first !== undefined) issuer.answerWith(options.first);
  const clock = { ms: (issuedAtSeconds + 10) * 1000 };
  const authenticator = createAuthenticator({
    issuers: [issuer.config()],
    failuresPerMinute: 1_000,
    now: () => clock.ms,
    limits: {
      maxTokenBytes: 8_192,
      verifiedTokens: 10,
      failingSources: 10,
      keys: { ...keyLimits, ...options.limits },
    },
  });
  return {
    issuer,
    authenticator,
    clock,
    async [Symbol.asyncDispose]() {
      await authenticator[Symbol.asyncDispose]();
      await issuer[Symbol.asyncDispose]();
    },
  };
}

let serial = 0;
/** A token that no cache has seen. */
function freshToken(issuer: TestIssuer, signedBy = key): string {
  serial += 1;
  return `Bearer ${issuer.token(signedBy, { claims: { jti: `token-${serial}` } })}`;
}
const passes = async (authenticator: Authenticator, authorization: string) =>
  assert.equal((await authenticator.authenticate(authorization, '192.0.2.1')).subject, 'svc-network');
const isRefused = (authenticator: Authenticator, authorization: string, reason: string) =>
  assert.rejects(authenticator.authenticate(authorization, '192.0.2.1'), { reason });
const lacksKeys = (authenticator: Authenticator, authorization: string) =>
  assert.rejects(authenticator.authenticate(authorization, '192.0.2.1'), (error) => {
    assert.ok(error instanceof Problem, String(error));
    assert.equal(error.code, 'KEYS_UNAVAILABLE');
    assert.ok((error.options.retryAfterMs ?? 0) > 0);
    return true;
  });

test('keys are fetched once for many requests at once', async () => {
  await using world = await setUp();
  const release = world.issuer.hold();
  const asked = world.issuer.nextRequest();
  const answers = Array.from({ length: 20 }, () => passes(world.authenticator, freshToken(world.issuer)));
  await asked;
  release();
  await Promise.all(answers);
  assert.equal(world.issuer.requests(), 1);
});

test('keys are fetched again when they are no longer fresh, and not before', async () => {
  await using world = await setUp();
  await passes(world.authenticator, freshToken(world.issuer));
  world.clock.ms += keyLimits.freshMs - 1;
  await passes(world.authenticator, freshToken(world.issuer));
  assert.equal(world.issuer.requests(), 1);
  world.clock.ms += 1;
  await passes(world.authenticator, freshToken(world.issuer));
  assert.equal(world.issuer.requests(), 2);
});

test('a key that the issuer withdrew verifies nothing any more', async () => {
  await using world = await setUp();
  await passes(world.authenticator, freshToken(world.issuer));
  world.issuer.answerWith({ kind: 'keys', keys: [next.jwk] });
  world.clock.ms += keyLimits.freshMs;
  await isRefused(world.authenticator, freshToken(world.issuer), 'KEY_UNKNOWN');
  await passes(world.authenticator, freshToken(world.issuer, next));
});

test('an unknown kid makes the gateway look once per cool-down', async () => {
  await using world = await setUp();
  await passes(world.authenticator, freshToken(world.issuer));
  await isRefused(world.authenticator, freshToken(world.issuer, next), 'KEY_UNKNOWN');
  assert.equal(world.issuer.requests(), 1, 'within the cool-down of the first fetch');

  world.issuer.answerWith({ kind: 'keys', keys: [key.jwk, next.jwk] });
  world.clock.ms += keyLimits.coolDownMs;
  const strangers = Array.from({ length: 10 }, (_, index) =>
    isRefused(
      world.authenticator,
      freshToken(world.issuer, { ...key, kid: `made-up-${index}` }),
      'KEY_UNKNOWN',
    ),
  );
  await Promise.all(strangers);
  assert.equal(world.issuer.requests(), 2, 'one fetch for all of them');
  await passes(world.authenticator, freshToken(world.issuer, next));
  assert.equal(world.issuer.requests(), 2);
});

test('an unknown kid while the issuer does not answer is key trouble, and known keys still serve', async () => {
  await using world = await setUp();
  await passes(world.authenticator, freshToken(world.issuer));
  world.issuer.answerWith({ kind: 'status', status: 503 });
  world.clock.ms += keyLimits.coolDownMs;
  await lacksKeys(world.authenticator, freshToken(world.issuer, next));
  await lacksKeys(world.authenticator, freshToken(world.issuer, next));
  assert.equal(world.issuer.requests(), 2, 'the failure is remembered for a cool-down');
  await passes(world.authenticator, freshToken(world.issuer));
});

test('while the issuer does not answer, the last keys serve for a bounded time', async () => {
  await using world = await setUp();
  const { authenticator, clock, issuer } = world;
  const remembered = freshToken(issuer);
  await passes(authenticator, remembered);
  issuer.answerWith({ kind: 'status', status: 500 });
  clock.ms += keyLimits.freshMs;
  await passes(authenticator, freshToken(issuer));
  assert.deepEqual([authenticator.ready().ok, authenticator.ready().issuers[0]?.state], [true, 'stale']);

  clock.ms += keyLimits.maxStaleMs - keyLimits.freshMs - 1;
  await passes(authenticator, freshToken(issuer));
  clock.ms += 1;
  await lacksKeys(authenticator, freshToken(issuer));
  await lacksKeys(authenticator, remembered);
  assert.deepEqual([authenticator.ready().ok, authenticator.ready().issuers[0]?.state], [false, 'missing']);

  issuer.answerWith({ kind: 'keys', keys: [key.jwk] });
  clock.ms += keyLimits.coolDownMs;
  await passes(authenticator, freshToken(issuer));
});

test('nobody waits for an issuer that is known not to answer, while the last keys serve', {
  timeout: 20_000,
}, async () => {
  // Whoever waits, waits until the test is given up.
  await using world = await setUp({ limits: { timeoutMs: 40_000 } });
  const { authenticator, clock, issuer } = world;
  await passes(authenticator, freshToken(issuer));
  issuer.answerWith({ kind: 'status', status: 500 });
  clock.ms += keyLimits.freshMs;
  await passes(authenticator, freshToken(issuer));

  const release = issuer.hold();
  const asked = issuer.nextRequest();
  clock.ms += keyLimits.coolDownMs;
  await passes(authenticator, freshToken(issuer));
  await asked;
  await passes(authenticator, freshToken(issuer));
  release();
});

test('a clock set back does not keep keys alive', async () => {
  await using world = await setUp();
  await passes(world.authenticator, freshToken(world.issuer));
  world.clock.ms -= 1_000;
  await passes(world.authenticator, freshToken(world.issuer));
  assert.equal(world.issuer.requests(), 2);
});

const bigKeySet = Array.from({ length: 5 }, () => key.jwk);
const badAnswers: [name: string, answer: Answer, remark: RegExp][] = [
  ['a failure', { kind: 'status', status: 500 }, /status 500/],
  ['a part of the keys', { kind: 'keys', keys: [key.jwk], status: 206 }, /status 206/],
  ['a body without end', { kind: 'endless' }, /larger than the limit of 65536 bytes/],
  ['a body that stalls', { kind: 'stalled' }, /timeout/],
  ['silence', { kind: 'silent' }, /timeout/],
  ['HTML', { kind: 'body', body: '<html></html>' }, /not JSON/],
  ['a list', { kind: 'body', body: '[]' }, /not JSON/],
  ['no keys member', { kind: 'body', body: '{}' }, /no list `keys`/],
  ['keys that are no list', { kind: 'body', body: '{"keys":{}}' }, /no list `keys`/],
  [
    'a member twice',
    { kind: 'body', body: JSON.stringify({ keys: [key.jwk] }).replace('{', '{"keys":[],') },
    /stands twice/,
  ],
  ['an empty set', { kind: 'keys', keys: [] }, /no usable key/],
  ['more keys than the limit', { kind: 'keys', keys: bigKeySet }, /has 5 keys; the limit is 4/],
  [
    'symmetric keys alone',
    { kind: 'keys', keys: [{ kty: 'oct', kid: 'first', k: 'c2VjcmV0' }] },
    /Key 0 .* cannot be read/,
  ],
  [
    'a key with an exponent of one',
    { kind: 'keys', keys: [{ ...signingKey('RS256', 'first').jwk, e: 'AQ' }] },
    /Key 0 .* exponent/,
  ],
  [
    'a point that is not on its curve',
    { kind: 'keys', keys: [{ ...key.jwk, x: next.jwk.x }] },
    /Key 0 .* cannot be read/,
  ],
];

for (const [name, answer, remark] of badAnswers) {
  test(`not taken for a key set: ${name}`, async () => {
    const isSlow = answer.kind === 'silent' || answer.kind === 'stalled';
    await using world = await setUp({ first: answer, ...(isSlow ? { limits: { timeoutMs: 50 } } : {}) });
    await lacksKeys(world.authenticator, freshToken(world.issuer));
    const { ok, issuers } = world.authenticator.ready();
    assert.equal(ok, false);
    assert.match(issuers[0]?.remarks.join() ?? '', remark);

    await lacksKeys(world.authenticator, freshToken(world.issuer));
    assert.equal(world.issuer.requests(), 1, 'not asked again within the cool-down');
    world.issuer.answerWith({ kind: 'keys', keys: [key.jwk] });
    world.clock.ms += keyLimits.coolDownMs;
    await passes(world.authenticator, freshToken(world.issuer));
    assert.equal(world.authenticator.ready().ok, true);
  });
}

test('no redirect is followed', async () => {
  await using elsewhere = await startIssuer('https://elsewhere.test', [key]);
  await using world = await setUp({ first: { kind: 'redirect', to: elsewhere.jwksUrl } });
  await lacksKeys(world.authenticator, freshToken(world.issuer));
  assert.equal(elsewhere.requests(), 0);
});

test('an issuer that is not there is key trouble, and its outage is not that of others', async () => {
  await using world = await setUp();
  await using gone = await startIssuer('https://gone.test', [key]);
  gone.answerWith({ kind: 'status', status: 500 });
  await using authenticator = createAuthenticator({
    issuers: [world.issuer.config(), gone.config()],
    failuresPerMinute: 1,
    now: () => world.clock.ms,
  });
  await lacksKeys(authenticator, freshToken(gone));
  await passes(authenticator, freshToken(world.issuer));
  const { ok, detail, issuers } = authenticator.ready();
  assert.equal(ok, true);
  assert.deepEqual(
    issuers.map(({ issuer, state }) => [issuer, state]),
    [
      ['https://issuer.test', 'fresh'],
      ['https://gone.test', 'missing'],
    ],
  );
  assert.match(detail, /https:\/\/gone\.test: 0 usable keys, missing\. .*status 500/);
});

test('readiness looks for keys by itself', async () => {
  await using world = await setUp({ first: { kind: 'status', status: 500 } });
  await lacksKeys(world.authenticator, freshToken(world.issuer));
  world.issuer.answerWith({ kind: 'keys', keys: [key.jwk] });
  world.clock.ms += keyLimits.coolDownMs;
  const asked = world.issuer.nextRequest();
  assert.equal(world.authenticator.ready().ok, false);
  await asked;
});

test('static keys need no fetch', async () => {
  await using issuer = await startIssuer('https://issuer.test', [key]);
  await using authenticator = createAuthenticator({
    issuers: [issuer.config({ keys: { static: [{ ...key.jwk }] } })],
    failuresPerMinute: 10,
    now: () => (issuedAtSeconds + 10) * 1000,
  });
  await passes(authenticator, freshToken(issuer));
  await isRefused(authenticator, freshToken(issuer, next), 'KEY_UNKNOWN');
  assert.equal(issuer.requests(), 0);
  assert.equal(authenticator.ready().ok, true);
});

test('closing ends a fetch that is under way', { timeout: 10_000 }, async () => {
  await using world = await setUp({ first: { kind: 'silent' }, limits: { timeoutMs: 40_000 } });
  const asked = world.issuer.nextRequest();
  const waiting = lacksKeys(world.authenticator, freshToken(world.issuer));
  await asked;
  await world.authenticator[Symbol.asyncDispose]();
  await waiting;
});
