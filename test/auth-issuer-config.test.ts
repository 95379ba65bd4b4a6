import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAuthenticator } from '../src/auth/authenticator.ts';
import { type IssuerConfig, issuerConfigSchema, issuerConfigsSchema } from '../src/auth/issuer-config.ts';
import { signingKey } from './support/tokens.ts';

const sound = {
  issuer: 'https://issuer.test',
  keys: { jwksUrl: 'https://issuer.test/jwks.json' },
  audiences: ['portcullis'],
  algorithms: ['ES256'],
};

test('the defaults grant nothing and take access tokens alone', () => {
  const { tokenTypes, grants, claims } = issuerConfigSchema.parse(sound);
  assert.deepEqual(tokenTypes, ['at+jwt']);
  assert.deepEqual(grants, { roles: [], tenants: [] });
  assert.deepEqual(claims, { subject: 'sub', tenant: null, roles: null, teams: null });
});

const unsound: [string, object][] = [
  ['HS256', { algorithms: ['HS256'] }],
  ['none', { algorithms: ['none'] }],
  ['no algorithm', { algorithms: [] }],
  ['no audience', { audiences: [] }],
  ['an empty audience', { audiences: [''] }],
  ['no token type', { tokenTypes: [] }],
  ['no maximum age', { maxTokenAgeSeconds: Number.POSITIVE_INFINITY }],
  ['a maximum age of nothing', { maxTokenAgeSeconds: 0 }],
  ['a tolerance without bound', { clockToleranceSeconds: 301 }],
  ['a negative tolerance', { clockToleranceSeconds: -1 }],
  ['keys in the clear', { keys: { jwksUrl: 'http://issuer.test/jwks.json' } }],
  [
    'keys in the clear from a host that begins like loopback',
    { keys: { jwksUrl: 'http://localhost.test/' } },
  ],
  ['keys from a file', { keys: { jwksUrl: 'file:///jwks.json' } }],
  ['a URL with credentials', { keys: { jwksUrl: 'https://a:b@issuer.test/' } }],
  ['no URL', { keys: { jwksUrl: 'issuer.test' } }],
  ['static keys that are none', { keys: { static: [] } }],
  ['two sources of keys', { keys: { jwksUrl: 'https://issuer.test/', static: [{}] } }],
  ['an unknown setting', { audience: ['portcullis'] }],
];

for (const [name, change] of unsound) {
  test(`not configurable: ${name}`, () => {
    assert.equal(issuerConfigSchema.safeParse({ ...sound, ...change }).success, false);
  });
}

for (const url of ['http://127.0.0.1:1/', 'http://[::1]/', 'http://localhost/', 'https://issuer.test/']) {
  test(`keys may come from ${url}`, () => {
    assert.ok(issuerConfigSchema.safeParse({ ...sound, keys: { jwksUrl: url } }).success);
  });
}

test('no issuer twice, and at least one', () => {
  assert.equal(issuerConfigsSchema.safeParse([sound, sound]).success, false);
  assert.equal(issuerConfigsSchema.safeParse([]).success, false);
});

const create = (issuers: readonly IssuerConfig[]) =>
  createAuthenticator({ issuers, failuresPerMinute: 1, now: () => 0 });

test('the authenticator itself takes no configuration that the schema refuses', () => {
  const config = issuerConfigSchema.parse(sound);
  assert.throws(() => create([config, config]), /configured twice/);
  assert.throws(() => create([{ ...config, algorithms: ['HS256' as 'RS256'] }]), /algorithms/);
});

test('static keys that cannot be used stop the start and are named', () => {
  const good = signingKey('ES256', 'good').jwk;
  const weak = signingKey('RS256', 'weak', { modulusLength: 1024 }).jwk;
  const withKeys = (keys: object[]) => () =>
    create([issuerConfigSchema.parse({ ...sound, keys: { static: keys } })]);
  assert.doesNotThrow(withKeys([good]));
  assert.throws(withKeys([good, weak]), /Key 1 .* modulus/);
  assert.throws(withKeys([{ kty: 'oct', k: 'c2VjcmV0' }]), /Key 0 /);
  assert.throws(withKeys([{ ...good, x: 'AAAA' }]), /Key 0 /);
});
