import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import type { Emulator } from '../src/emulator/server.ts';
import { emulatorWith, gateway, key, region } from './support/emulator.ts';
import { send, signing, signV3 } from './support/rpc-wire.ts';

const action = 'DeleteEnhancedVpnGateway';
const reset = { kind: 'reset', action, when: 'after' };
const answer = z.looseObject({
  message: z.string().optional(),
  faults: z.array(z.looseObject({ count: z.int() })).optional(),
  entries: z.array(z.looseObject({ effect: z.string() })).optional(),
});

/** Speaks to the admin endpoint as a command line client does. */
async function admin(
  cloud: Emulator,
  method: string,
  path: string,
  { body = '', headers = {} }: { body?: string; headers?: Record<string, string> } = {},
) {
  const sent = {
    host: `127.0.0.1:${cloud.port}`,
    ...(body === ''
      ? {}
      : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
    ...headers,
  };
  const got = await send(cloud.port, {
    method,
    target: `/_emulator/${path}`,
    headers: Object.entries(sent),
    body,
  });
  assert.equal(got.headers['content-type'], 'application/json');
  return { status: got.status, body: answer.parse(JSON.parse(got.text)) };
}
const post = (cloud: Emulator, fault: unknown) =>
  admin(cloud, 'POST', 'faults', { body: JSON.stringify(fault) });

test('faults are scripted, listed and cleared, and meet calls', async () => {
  await using cloud = await emulatorWith([gateway('vpn-one')]);
  const added = await post(cloud, reset);
  const complete = { ...reset, resourceId: null, count: 1 };
  assert.deepEqual([added.status, added.body.faults], [201, [complete]]);
  const hang = {
    kind: 'hang',
    action: 'DescribeVpnGateway',
    resourceId: 'vpn-one',
    count: 3,
    when: 'before',
  };
  assert.deepEqual((await post(cloud, hang)).body.faults, [complete, hang]);
  assert.deepEqual((await admin(cloud, 'GET', 'faults')).body.faults, [complete, hang]);

  const wire = signV3(signing(key, action, { RegionId: region, VpnGatewayId: 'vpn-one' }));
  await assert.rejects(send(cloud.port, wire), { code: 'ECONNRESET' });
  assert.deepEqual((await admin(cloud, 'GET', 'faults')).body.faults, [hang]);

  assert.deepEqual((await admin(cloud, 'DELETE', 'faults')).body.faults, []);
  assert.deepEqual(cloud.faults.list(), []);
});

test('the journal is read and cleared', async () => {
  await using cloud = await emulatorWith([gateway('vpn-one')]);
  await send(
    cloud.port,
    signV3(signing(key, action, { RegionId: region, VpnGatewayId: 'vpn-one', ClientToken: 't' })),
  );
  const { status, body } = await admin(cloud, 'GET', 'journal');
  assert.equal(status, 200);
  assert.deepEqual(body.entries, cloud.journal.entries());
  assert.partialDeepStrictEqual(body.entries, [
    { sequence: 1, action, resourceId: 'vpn-one', clientToken: 't', effect: 'deleted', httpStatus: 200 },
  ]);
  assert.deepEqual((await admin(cloud, 'DELETE', 'journal')).body.entries, []);
  assert.deepEqual(cloud.journal.entries(), []);
});

const bad: [name: string, fault: unknown, says: RegExp][] = [
  ['nothing that is a fault', {}, /kind/],
  ['null', null, /expected object/],
  ['a list', [reset], /expected object/],
  ['a text', 'reset', /expected object/],
  ['an unknown kind', { ...reset, kind: 'explode' }, /kind/],
  ['no action', { kind: 'reset', when: 'after' }, /action/],
  [
    'an action that the emulator has not',
    { ...reset, action: 'DeleteEverything' },
    /has the actions DescribeVpnGateway, /,
  ],
  ['an action that every object has', { ...reset, action: 'toString' }, /has the actions/],
  ['a key more', { ...reset, probability: 0.5 }, /probability/],
  ['no time of effect', { kind: 'reset', action }, /when/],
  ['another time of effect', { ...reset, when: 'during' }, /when/],
  ['a count of nothing', { ...reset, count: 0 }, /count/],
  ['half a count', { ...reset, count: 1.5 }, /count/],
  ['a count in words', { ...reset, count: 'many' }, /count/],
  ['an empty resource', { ...reset, resourceId: '' }, /resourceId/],
  ['an error without a code', { kind: 'error', action, status: 400 }, /code/],
  ['an error that is a success', { kind: 'error', action, status: 200, code: 'Fine' }, /status/],
  ['a status that HTTP has not', { kind: 'error', action, status: 600, code: 'Odd' }, /status/],
  [
    'a wait of less than nothing',
    { kind: 'error', action, status: 400, code: 'Throttling', retryAfterMs: -1 },
    /retryAfterMs/,
  ],
  ['latency without a time', { kind: 'latency', action }, /ms/],
  ['latency for days', { kind: 'latency', action, ms: 600_001 }, /ms/],
  ['an unknown answer', { kind: 'answer', action, answer: 'poem' }, /answer/],
];
for (const [name, fault, says] of bad) {
  test(`refused with what is wrong: ${name}`, async () => {
    await using cloud = await emulatorWith([]);
    const { status, body } = await post(cloud, fault);
    assert.equal(status, 400);
    assert.match(body.message ?? '', says);
    assert.deepEqual(cloud.faults.list(), []);
  });
}

const odd: [
  name: string,
  method: string,
  path: string,
  options: Parameters<typeof admin>[3],
  status: number,
  says: RegExp,
][] = [
  ['no body', 'POST', 'faults', { headers: { 'content-type': 'application/json' } }, 400, /no JSON/],
  ['broken JSON', 'POST', 'faults', { body: '{"kind":' }, 400, /no JSON/],
  [
    'JSON under another name',
    'POST',
    'faults',
    { body: JSON.stringify(reset), headers: { 'content-type': 'text/plain' } },
    415,
    /application\/json/,
  ],
  ['a body too large', 'POST', 'faults', { body: JSON.stringify('x'.repeat(70_000)) }, 413, /65536 bytes/],
  ['another method', 'PUT', 'faults', {}, 404, /There are/],
  ['nothing to post to', 'POST', 'journal', {}, 404, /There are/],
  ['another path', 'GET', 'secrets', {}, 404, /_emulator\/faults .*_emulator\/journal/],
  ['a query', 'GET', 'faults?all', {}, 404, /There are/],
];
for (const [name, method, path, options, ...[status, says]] of odd) {
  test(`refused: ${name}`, async () => {
    await using cloud = await emulatorWith([]);
    const got = await admin(cloud, method, path, options);
    assert.equal(got.status, status);
    assert.match(got.body.message ?? '', says);
    assert.deepEqual(cloud.faults.list(), []);
  });
}

test('more faults than can wait are refused', async () => {
  await using cloud = await emulatorWith([]);
  for (let number = 0; number < 1_000; number += 1)
    cloud.faults.add({ kind: 'reset', action, when: 'after' });
  const { status, body } = await post(cloud, reset);
  assert.equal(status, 409);
  assert.match(body.message ?? '', /1000 faults wait already\. Clear them/);
});

const pages: [name: string, headers: Record<string, string>][] = [
  ['of another site', { origin: 'https://attacker.example' }],
  ['of a file', { origin: 'null' }],
  ['of a site that names itself as the emulator, by DNS rebinding', { host: 'attacker.example:8090' }],
  ['of a name that begins as an address', { host: '127.0.0.1.attacker.example' }],
  ['of a name that ends as localhost', { host: 'attacker.localhost' }],
  ['that embeds it', { 'sec-fetch-site': 'cross-site' }],
  ['of the same origin, which there is none of', { 'sec-fetch-site': 'same-origin' }],
  ['without a host', { host: '' }],
];
for (const [name, headers] of pages) {
  for (const method of ['GET', 'POST', 'DELETE']) {
    test(`a web page ${name} may not ${method} faults`, async () => {
      await using cloud = await emulatorWith([]);
      cloud.faults.add({ kind: 'reset', action, when: 'before' });
      const body = method === 'POST' ? JSON.stringify(reset) : '';
      const { status, body: told } = await admin(cloud, method, 'faults', { body, headers });
      assert.equal(status, 403);
      assert.match(told.message ?? '', /web page/i);
      assert.equal(cloud.faults.list().length, 1);
    });
  }
}

for (const host of ['localhost', 'localhost:8090', '127.0.0.1', '[::1]:8090', '10.1.2.3:8090']) {
  test(`a client that calls it ${host} may`, async () => {
    await using cloud = await emulatorWith([]);
    assert.equal((await admin(cloud, 'GET', 'faults', { headers: { host } })).status, 200);
  });
}
