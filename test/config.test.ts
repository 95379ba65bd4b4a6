import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  ConfigError,
  type ConfigInput,
  checkConfig,
  environmentVariables,
  readConfig,
} from '../src/config.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const issuer = {
  issuer: 'https://issuer.example',
  keys: { jwksUrl: 'https://issuer.example/jwks.json' },
  audiences: ['portcullis'],
  algorithms: ['ES256' as const],
};
const minimal: ConfigInput = { accountId: '1234567890123456', regions: ['cn-hangzhou'], issuers: [issuer] };

function problemsOf(
  settings: Record<string, unknown>,
  environment: Record<string, string> = {},
): readonly string[] {
  try {
    readConfig(null, environment, settings);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems;
  }
  return [];
}

test('the defaults grant nothing and listen on loopback', () => {
  const config = checkConfig(minimal);
  assert.equal(config.host, '127.0.0.1');
  assert.equal(config.port, 8080);
  assert.deepEqual(config.issuers[0]?.grants, { roles: [], tenants: [] });
  assert.deepEqual(config.trustedProxies, []);
  assert.equal(config.cloud.protocol, 'https');
});

test('every problem is listed at once', () => {
  const problems = problemsOf({
    ...minimal,
    port: 'x',
    regions: [],
    surprise: 1,
    cloud: { protocol: 'ftp' },
  });
  assert.equal(problems.length, 4, problems.join('\n'));
  for (const name of ['port', 'regions', 'surprise', 'cloud.protocol']) {
    assert.ok(
      problems.some((problem) => problem.startsWith(`${name}:`)),
      `${name} in ${problems.join('\n')}`,
    );
  }
});

const bad: readonly [string, Record<string, unknown>, Record<string, string>, RegExp][] = [
  ['no account', { ...minimal, accountId: undefined }, {}, /^accountId:/],
  ['no issuer', { ...minimal, issuers: [] }, {}, /^issuers:/],
  [
    'unknown nested key',
    { ...minimal, cloud: { endpiont: 'a' } },
    {},
    /^cloud\.endpiont: there is no such setting/,
  ],
  [
    'a symmetric algorithm',
    { ...minimal, issuers: [{ ...issuer, algorithms: ['HS256'] }] },
    {},
    /^issuers\.0\.algorithms/,
  ],
  [
    'no algorithm',
    { ...minimal, issuers: [{ ...issuer, algorithms: ['none'] }] },
    {},
    /^issuers\.0\.algorithms/,
  ],
  ['no audience', { ...minimal, issuers: [{ ...issuer, audiences: [] }] }, {}, /^issuers\.0\.audiences/],
  ['an issuer twice', { ...minimal, issuers: [issuer, issuer] }, {}, /configured twice/],
  [
    'keys over plain http',
    { ...minimal, issuers: [{ ...issuer, keys: { jwksUrl: 'http://issuer.example/jwks' } }] },
    {},
    /must be https/,
  ],
  ['half a TLS pair', { ...minimal, tls: { certFile: 'a.pem' } }, {}, /^tls\.keyFile:/],
  ['half a TLS pair from the environment', minimal, { PORTCULLIS_TLS_KEY_FILE: 'a.pem' }, /^tls\.certFile:/],
  ['plain http to the real cloud', { ...minimal, cloud: { protocol: 'http' } }, {}, /loopback/],
  [
    'plain http to another host',
    { ...minimal, cloud: { protocol: 'http', endpoint: 'vpc.example:80', stsEndpoint: '127.0.0.1:80' } },
    {},
    /^cloud\.endpoint:.*loopback/,
  ],
  [
    'a host that only begins like loopback',
    {
      ...minimal,
      cloud: { protocol: 'http', endpoint: '127.0.0.1.example:80', stsEndpoint: '127.0.0.1:80' },
    },
    {},
    /^cloud\.endpoint:.*loopback/,
  ],
  [
    'an endpoint with a scheme',
    { ...minimal, cloud: { endpoint: 'http://127.0.0.1:1' } },
    {},
    /^cloud\.endpoint:/,
  ],
  [
    'a region that could leave the host name',
    { ...minimal, regions: ['cn-x.evil.example/'] },
    {},
    /^regions\.0:/,
  ],
  [
    'a deadline that outlives the decision',
    { ...minimal, cloud: { callDeadlineMs: 60_000 } },
    {},
    /^cloud\.callDeadlineMs:/,
  ],
  ['trusting every proxy', { ...minimal, trustedProxies: ['true'] }, {}, /^trustedProxies\.0:/],
  ['a network of too many bits', { ...minimal, trustedProxies: ['10.0.0.0/64'] }, {}, /^trustedProxies\.0:/],
  [
    'an unknown variable',
    minimal,
    { PORTCULLIS_ALLOW_ALL: 'true' },
    /^PORTCULLIS_ALLOW_ALL: there is no such/,
  ],
  ['a port in words', minimal, { PORT: 'eighty' }, /^PORT:/],
  ['a negative port', minimal, { PORT: '-1' }, /^PORT:/],
  ['issuers that are no JSON', minimal, { PORTCULLIS_ISSUERS: '[' }, /^PORTCULLIS_ISSUERS:/],
  [
    'a variable named like a property of every object',
    minimal,
    { PORTCULLIS___proto__: 'x' },
    /no such setting/,
  ],
];
for (const [name, settings, environment, expected] of bad) {
  test(`refused: ${name}`, () => {
    const problems = problemsOf(settings, environment);
    assert.ok(
      problems.some((problem) => expected.test(problem)),
      `${expected} in:\n${problems.join('\n')}`,
    );
  });
}

test('the environment wins over the file, the command line over both', () => {
  using directory = temporaryDirectory();
  const file = join(directory.path, 'portcullis.yaml');
  writeFileSync(
    file,
    `${JSON.stringify({ ...minimal, port: 1, host: '127.0.0.2', cloud: { network: 'vpc' } })}\n`,
  );
  const config = readConfig(
    file,
    { PORT: '2', HOST: '127.0.0.3', PORTCULLIS_CLOUD_READ_TIMEOUT_MS: '900' },
    { port: 3 },
  );
  assert.equal(config.port, 3);
  assert.equal(config.host, '127.0.0.3');
  assert.deepEqual([config.cloud.network, config.cloud.readTimeoutMs], ['vpc', 900]);
});

test('a file with a key twice, or that is no mapping, is refused', () => {
  using directory = temporaryDirectory();
  const file = join(directory.path, 'portcullis.yaml');
  for (const text of ['port: 1\nport: 2\n', '- a\n', 'a: [', '&a [*a]']) {
    writeFileSync(file, text);
    assert.throws(() => readConfig(file, {}, { ...minimal }), ConfigError, text);
  }
});

test('every environment variable reaches its setting', () => {
  for (const [variable, { path }] of Object.entries(environmentVariables)) {
    // A value that no setting takes: the complaint must name the very setting.
    const problems = problemsOf({}, { [variable]: '\u0000' });
    const name = path.join('.');
    const reached = problems.some(
      (problem) => problem.startsWith(name) || problem.startsWith(`${variable}:`),
    );
    const accepted = ['host', 'stateDir', 'metrics.host', 'policy.bundle'].includes(name);
    const half = name.startsWith('tls.');
    assert.ok(reached || accepted || half, `${variable} → ${name}: ${problems.join(' | ')}`);
  }
});
