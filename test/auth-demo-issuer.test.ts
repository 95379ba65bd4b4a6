import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createAuthenticator } from '../src/auth/authenticator.ts';
import {
  type DemoTokenRequest,
  demoIssuerConfig,
  demoIssuerName,
  signDemoToken,
  startDemoIssuer,
} from '../src/auth/demo-issuer.ts';
import { issuedAtSeconds } from './support/issuer.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const now = () => issuedAtSeconds * 1000;

function request(stateDir: string, changes: Partial<DemoTokenRequest> = {}): DemoTokenRequest {
  return {
    stateDir,
    subject: 'alice',
    roles: ['deleter', 'made-up'],
    teams: ['net'],
    tenant: 'acme',
    ttlSeconds: 300,
    claims: {},
    now,
    ...changes,
  };
}

test('a gateway that trusts the demo issuer accepts its tokens, within the grants', async () => {
  using directory = temporaryDirectory();
  await using issuer = await startDemoIssuer({ stateDir: directory.path, port: 0 });
  await using authenticator = createAuthenticator({
    issuers: [demoIssuerConfig(issuer.jwksUrl, { roles: ['deleter'], tenants: ['acme'] })],
    failuresPerMinute: 10,
    now,
  });
  const authenticate = async (changes: Partial<DemoTokenRequest>) =>
    authenticator.authenticate(
      `Bearer ${await signDemoToken(request(directory.path, changes))}`,
      '127.0.0.1',
    );

  const { tokenHash, ...principal } = await authenticate({});
  assert.match(tokenHash, /^[0-9a-f]{64}$/);
  assert.deepEqual(principal, {
    issuer: demoIssuerName,
    subject: 'alice',
    tenant: 'acme',
    roles: ['deleter'],
    teams: ['net'],
  });
  assert.equal((await authenticate({ tenant: null, roles: [] })).tenant, null);
  await assert.rejects(authenticate({ claims: { aud: 'another' } }), { reason: 'AUDIENCE_MISMATCH' });
  await assert.rejects(authenticate({ ttlSeconds: -60 }), { reason: 'EXPIRED' });
});

test('the public key set holds nothing private, and nothing else is served', async () => {
  using directory = temporaryDirectory();
  await using issuer = await startDemoIssuer({ stateDir: directory.path, port: 0 });
  assert.equal(new URL(issuer.jwksUrl).pathname, '/.well-known/jwks.json');
  const { keys } = (await (await fetch(issuer.jwksUrl)).json()) as { keys: object[] };
  assert.deepEqual(
    keys.map((key) => Object.keys(key).sort()),
    [['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']],
  );
  assert.equal((await fetch(new URL('/demo-issuer.json', issuer.jwksUrl))).status, 404);
  assert.equal((await fetch(issuer.jwksUrl, { method: 'POST' })).status, 404);
});

test('the key is kept, for its owner alone', async () => {
  using directory = temporaryDirectory();
  const stateDir = join(directory.path, 'state');
  await signDemoToken(request(stateDir));
  const file = join(stateDir, 'demo-issuer.json');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(statSync(stateDir).mode & 0o777, 0o700);
  const before = readFileSync(file, 'utf8');
  await using _issuer = await startDemoIssuer({ stateDir, port: 0 });
  assert.equal(readFileSync(file, 'utf8'), before);
});

test('many that ask at once get the same key, and leave no drafts behind', async () => {
  using directory = temporaryDirectory();
  const tokens = await Promise.all(Array.from({ length: 8 }, () => signDemoToken(request(directory.path))));
  const headers = new Set(tokens.map((token) => token.split('.')[0]));
  assert.equal(headers.size, 1);
  assert.deepEqual(readdirSync(directory.path), ['demo-issuer.json']);
});

test('a key that others can read is refused, with what to do', async () => {
  using directory = temporaryDirectory();
  await signDemoToken(request(directory.path));
  for (const mode of [0o640, 0o604, 0o660]) {
    chmodSync(join(directory.path, 'demo-issuer.json'), mode);
    await assert.rejects(signDemoToken(request(directory.path)), /read by others .* Delete it/);
  }
});

for (const content of ['', '{', '{"version":1,"key":{}}', '{"version":2,"key":null}']) {
  test(`a key file that is none is refused, with what to do: ${JSON.stringify(content)}`, async () => {
    using directory = temporaryDirectory();
    writeFileSync(join(directory.path, 'demo-issuer.json'), content, { mode: 0o600 });
    await assert.rejects(startDemoIssuer({ stateDir: directory.path, port: 0 }), /Delete it/);
  });
}

test('a link in place of the key file is not followed', async () => {
  using directory = temporaryDirectory();
  using elsewhere = temporaryDirectory();
  await signDemoToken(request(elsewhere.path));
  symlinkSync(join(elsewhere.path, 'demo-issuer.json'), join(directory.path, 'demo-issuer.json'));
  await assert.rejects(signDemoToken(request(directory.path)), /cannot be kept/);
});

test('a state directory that cannot be written is named, with what to do', async () => {
  using directory = temporaryDirectory();
  writeFileSync(join(directory.path, 'file'), '');
  await assert.rejects(signDemoToken(request(join(directory.path, 'file'))), /--state-dir/);
  mkdirSync(join(directory.path, 'taken', 'demo-issuer.json'), { recursive: true });
  await assert.rejects(signDemoToken(request(join(directory.path, 'taken'))), Error);
});

test('a port in use is named, with what to do', async () => {
  using directory = temporaryDirectory();
  await using issuer = await startDemoIssuer({ stateDir: directory.path, port: 0 });
  const port = Number(new URL(issuer.jwksUrl).port);
  await assert.rejects(
    startDemoIssuer({ stateDir: directory.path, port }),
    new RegExp(`Port ${port} .* is in use`),
  );
});
