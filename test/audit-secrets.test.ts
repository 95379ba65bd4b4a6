import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { emulatorDefaults } from '../src/emulator/server.ts';
import { emulatorSecrets } from '../src/emulator/views.ts';
import { databaseFile } from '../src/storage/sqlite.ts';
import { auditor, operator, startTestGateway } from './support/gateway.ts';
import { auditRecords, deletion, readOperation } from './support/observe.ts';

test('no answer, log line, record or database file holds a secret', async () => {
  await using portcullis = await startTestGateway({
    cloud: { readTimeoutMs: 400, callDeadlineMs: 1_000 },
    recovery: { intervalMs: 100, lookEveryMs: 100 },
  });
  const { cloud, stateDir } = portcullis;
  const tokens: string[] = [];
  const said: string[] = [];
  const bearer = async (caller = operator) => {
    const token = await portcullis.token(caller);
    tokens.push(token);
    return { Authorization: `Bearer ${token}` };
  };
  const path = '/v1/regions/cn-hangzhou/enhanced-vpn-gateways';
  const remove = async (gateway: string, query = '') => {
    const answer = await portcullis.send('delete', `${path}/${gateway}${query}`, await bearer());
    said.push(JSON.stringify([answer.headers, answer.text]));
    return answer;
  };

  const done = await remove('vpn-demodeletable1', '?reason=lab');
  await remove('vpn-democonnected1');
  await remove('vpn-demoprotected1');
  await remove('vpn-demonowhere1');
  await remove('vpn-demodeletable2', '?force=1');
  // The cloud itself quotes what was signed, and answers with pages and addresses of its own.
  const [key] = emulatorDefaults.accessKeys;
  const quoting = `server string to sign is:POST&${key.accessKeyId}&Bearer&${key.accessKeySecret}`;
  for (const action of ['DescribeVpnGateway', 'DescribeVpnConnections', deletion]) {
    for (const [status, code] of [
      [400, 'SignatureDoesNotMatch'],
      [404, 'Gremlins'],
    ] as const) {
      cloud.faults.add({ kind: 'error', action, status, code, message: quoting });
      await remove('vpn-demodeletable2');
    }
    for (const answer of ['html', 'cut-off', 'wrong-json', 'redirect'] as const) {
      cloud.faults.add({ kind: 'answer', action, answer });
    }
    await remove('vpn-demoexpired1');
    cloud.faults.clear();
  }
  // Tokens that are refused, wherever they stand.
  const [valid = ''] = tokens;
  const spoilt = `${valid.slice(0, -4)}AAAA`;
  tokens.push(spoilt);
  for (const [target, headers] of [
    [path, { Authorization: `Bearer ${spoilt}` }],
    [path, { Authorization: `Basic ${valid}` }],
    [path, { Authorization: `Bearer ${valid} ${valid}` }],
    [`${path}/vpn-a?access_token=${valid}`, {}],
    [`${path}/vpn-a?${valid}=x`, { Authorization: `Bearer ${valid}` }],
    [`${path}/vpn-a`, { Authorization: `Bearer ${valid}`, 'X-Request-Id': `Bearer ${valid}` }],
    [`${path}/vpn-a`, { Cookie: valid, 'X-Api-Key': valid, Authorization: '' }],
  ] as const) {
    const answer = await fetch(`${portcullis.gateway.url}${target}`, {
      method: 'DELETE',
      headers: { ...headers },
    });
    said.push(JSON.stringify([[...answer.headers], await answer.text()]));
  }
  said.push((await readOperation(portcullis, done.body.operationId)).text);
  for (const address of ['/readyz', '/openapi.yaml']) {
    said.push((await portcullis.send('get', address)).text);
  }
  said.push(await (await fetch(portcullis.gateway.metricsUrl)).text());
  const records = await auditRecords(portcullis);
  assert.ok(records.length > 15);
  said.push(JSON.stringify(records));
  tokens.push(await portcullis.token(auditor));

  const files = readdirSync(stateDir).filter((name) => name.startsWith(databaseFile));
  assert.ok(files.includes(databaseFile) && files.includes(`${databaseFile}-wal`), files.join());
  const places: [string, string][] = [
    ...said.map((text, index): [string, string] => [`answer ${index}`, text]),
    ...portcullis.log.map((line): [string, string] => ['the log', JSON.stringify(line)]),
    ...files.map((name): [string, string] => [name, readFileSync(join(stateDir, name), 'latin1')]),
  ];
  const stored = places.filter(([place]) => place.startsWith(databaseFile)).map(([, bytes]) => bytes);
  assert.ok(stored.join('').includes('vpn-demodeletable1'), 'the search finds what is there');
  const secrets = [
    key.accessKeySecret,
    key.accessKeyId,
    ...Object.values(emulatorSecrets),
    readIssuerKey(stateDir),
    ...new Set(tokens.flatMap((token) => token.split('.').slice(1))),
    'string to sign',
    'Bearer ey',
  ];
  for (const secret of secrets) {
    assert.ok(secret.length > 8);
    for (const [place, text] of places) {
      assert.ok(!text.includes(secret), `${place} holds ${secret.slice(0, 24)}: ${around(text, secret)}`);
    }
  }
});

/** The private part of the demo issuer's key. */
function readIssuerKey(stateDir: string): string {
  const text = readFileSync(join(stateDir, 'demo-issuer.json'), 'utf8');
  const [, privatePart = ''] = /"d":\s*"([^"]+)"/.exec(text) ?? [];
  return privatePart;
}

function around(text: string, secret: string): string {
  const at = text.indexOf(secret);
  return text.slice(Math.max(0, at - 80), at + 40);
}
