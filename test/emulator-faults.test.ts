import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import type { FaultInput } from '../src/emulator/faults.ts';
import type { Emulator } from '../src/emulator/server.ts';
import { emulatorWith, gateway, key, region } from './support/emulator.ts';
import { until } from './support/observe.ts';
import { send, signing, signV3, type Wire, type WireAnswer } from './support/rpc-wire.ts';

const action = 'DeleteEnhancedVpnGateway';
const call = (vpnGatewayId: string, asked = action): Wire =>
  signV3(signing(key, asked, { RegionId: region, VpnGatewayId: vpnGatewayId }));
const start = () => emulatorWith(['vpn-one', 'vpn-two', 'vpn-three'].map((id) => gateway(id)));
const statusOf = (cloud: Emulator, id = 'vpn-one') => cloud.cloud.gateway(region, id)?.status;

/** Each kind of fault without what the tests fill in. */
type Script = FaultInput extends infer Kind
  ? Kind extends unknown
    ? Omit<Kind, 'action' | 'when'>
    : never
  : never;
type Seen = (answer: WireAnswer, cloud: Emulator) => void;
/** What the client is shown; null: the connection breaks before there is an answer. */
const faults: [name: string, fault: Script, seen: Seen | null][] = [
  [
    'an error',
    { kind: 'error', status: 503, code: 'ServiceUnavailable', message: 'Scripted.' },
    ({ status, body, headers }, cloud) => {
      assert.equal(status, 503);
      assert.deepEqual(Object.keys(body).sort(), ['Code', 'HostId', 'Message', 'Recommend', 'RequestId']);
      assert.deepEqual([body.Code, body.Message], ['ServiceUnavailable', 'Scripted.']);
      assert.equal(headers['x-acs-retry-after'], undefined);
      assert.equal(cloud.journal.entries()[0]?.code, 'ServiceUnavailable');
    },
  ],
  [
    'throttling with a time to wait',
    { kind: 'error', status: 400, code: 'Throttling', retryAfterMs: 2_500 },
    ({ status, body, headers }) =>
      assert.deepEqual([status, body.Code, headers['x-acs-retry-after']], [400, 'Throttling', '2500']),
  ],
  ['a reset', { kind: 'reset' } as const, null],
  ['an answer cut off', { kind: 'answer', answer: 'cut-off' } as const, null],
  [
    'an empty answer',
    { kind: 'answer', answer: 'empty' },
    ({ status, text }) => assert.deepEqual([status, text], [200, '']),
  ],
  [
    'a web page',
    { kind: 'answer', answer: 'html' },
    ({ status, text, headers }) => {
      assert.deepEqual([status, headers['content-type']], [502, 'text/html']);
      assert.match(text, /^<html>/);
    },
  ],
  [
    'a redirect',
    { kind: 'answer', answer: 'redirect' },
    ({ status, headers }) => assert.deepEqual([status, headers.location], [302, 'http://127.0.0.1:1/']),
  ],
  [
    'a success without its RequestId',
    { kind: 'answer', answer: 'no-request-id' },
    ({ status, text }) => assert.deepEqual([status, text], [200, '{}']),
  ],
  [
    'JSON that is none',
    { kind: 'answer', answer: 'wrong-json' },
    ({ status, text }) => {
      assert.equal(status, 200);
      assert.throws(() => JSON.parse(text));
    },
  ],
  [
    'an array',
    { kind: 'answer', answer: 'array' },
    ({ status, text }) => assert.deepEqual([status, text], [200, '[]']),
  ],
  [
    'an error that claims success',
    { kind: 'answer', answer: 'error-in-success' },
    ({ status, body }) => {
      assert.deepEqual([status, body.Code], [200, 'InternalError']);
      assert.match(body.RequestId ?? '', /^[0-9A-F-]{36}$/);
    },
  ],
  [
    'latency',
    { kind: 'latency', ms: 5 },
    ({ status, body }) => assert.deepEqual([status, Object.keys(body)], [200, ['RequestId']]),
  ],
];

for (const when of ['before', 'after'] as const) {
  void describe(`${when} the effect`, () => {
    for (const [name, fault, seen] of faults) {
      test(name, async () => {
        await using cloud = await start();
        cloud.faults.add({ ...fault, action, when });
        const sending = send(cloud.port, call('vpn-one'));
        if (seen === null) await assert.rejects(sending, { code: 'ECONNRESET' });
        else seen(await sending, cloud);

        const happens = when === 'after' || fault.kind === 'latency';
        assert.equal(statusOf(cloud), happens ? 'deleting' : 'active');
        const [entry, ...more] = cloud.journal.entries();
        assert.equal(more.length, 0);
        assert.deepEqual([entry?.effect, entry?.fault], [happens ? 'deleted' : 'none', fault.kind]);
        assert.equal(cloud.journal.effects().length, happens ? 1 : 0);
        if (entry?.httpStatus === null) assert.equal(seen, null, 'no status where the connection broke');
        assert.deepEqual(cloud.faults.list(), [], 'used up');
        assert.equal((await send(cloud.port, call('vpn-two'))).status, 200);
      });
    }

    test('silence, until the client gives up', async () => {
      await using cloud = await start();
      cloud.faults.add({ kind: 'hang', action, when });
      const wire = call('vpn-one');
      const req = request({
        host: '127.0.0.1',
        port: cloud.port,
        method: 'POST',
        path: wire.target,
        headers: wire.headers.flat(),
        setHost: false,
      });
      const broken = new Promise<void>((resolve) => void req.on('close', resolve));
      req.on('error', () => undefined).on('response', () => assert.fail('nothing is answered'));
      req.end();
      await until(() => cloud.journal.entries().length === 1);
      assert.equal(statusOf(cloud), when === 'after' ? 'deleting' : 'active');
      assert.equal(cloud.journal.entries()[0]?.httpStatus, null);
      req.destroy();
      await broken;
      assert.equal((await send(cloud.port, call('vpn-two'))).status, 200);
    });

    test('the end of the emulator frees whoever waits in silence', async () => {
      const cloud = await start();
      cloud.faults.add({ kind: 'hang', action, when });
      const waiting = assert.rejects(send(cloud.port, call('vpn-one')), { code: 'ECONNRESET' });
      await until(() => cloud.journal.entries().length === 1);
      await cloud[Symbol.asyncDispose]();
      await waiting;
    });
  });
}

test('the end of the emulator frees who is kept waiting; a delayed effect does not happen any more', async () => {
  const cloud = await start();
  cloud.faults.add({ kind: 'latency', action, ms: 600_000, count: 20, when: 'before' });
  const warnings: Error[] = [];
  const note = (warning: Error) => void warnings.push(warning);
  process.on('warning', note);
  const waiting = Array.from({ length: 20 }, () =>
    assert.rejects(send(cloud.port, call('vpn-one')), { code: 'ECONNRESET' }),
  );
  await until(() => cloud.faults.list().length === 0);
  assert.deepEqual(cloud.journal.entries(), []);
  await cloud[Symbol.asyncDispose]();
  await Promise.all(waiting);
  process.off('warning', note);
  assert.deepEqual(cloud.journal.entries(), []);
  assert.equal(statusOf(cloud), 'active');
  assert.deepEqual(warnings, []);
});

test('latency after the effect: the effect is there at once, and the answer is not', async () => {
  const cloud = await start();
  cloud.faults.add({ kind: 'latency', action, ms: 600_000, when: 'after' });
  const waiting = assert.rejects(send(cloud.port, call('vpn-one')), { code: 'ECONNRESET' });
  await until(() => cloud.journal.effects().length === 1);
  assert.equal(statusOf(cloud), 'deleting');
  await cloud[Symbol.asyncDispose]();
  await waiting;
});

test('a client that gives up does not stop what it asked for', async () => {
  await using cloud = await start();
  cloud.faults.add({ kind: 'latency', action, ms: 30 });
  const wire = call('vpn-one');
  const req = request({
    host: '127.0.0.1',
    port: cloud.port,
    method: 'POST',
    path: wire.target,
    headers: wire.headers.flat(),
    setHost: false,
  });
  req.on('error', () => undefined).end();
  await until(() => cloud.faults.list().length === 0);
  req.destroy();
  await until(() => cloud.journal.effects().length === 1);
});

test('a connection that breaks within the request leaves nothing behind', async () => {
  await using cloud = await start();
  const socket = connect(cloud.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(
    'POST /?Action=DeleteEnhancedVpnGateway HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nRegionId=',
  );
  socket.destroy();
  await once(socket, 'close');
  assert.equal((await send(cloud.port, call('vpn-one'))).status, 200);
  assert.equal(cloud.journal.entries().length, 1);
});

test('a fault meets as many calls as it says, and the older one goes first', async () => {
  await using cloud = await start();
  const asked = 'DescribeVpnGateway';
  cloud.faults.add({ kind: 'error', action: asked, status: 500, code: 'First', count: 2 });
  cloud.faults.add({ kind: 'error', action: asked, status: 500, code: 'Second' });
  const codes: (string | undefined)[] = [];
  for (let turn = 0; turn < 4; turn += 1) {
    codes.push((await send(cloud.port, call('vpn-one', asked))).body.Code);
    if (turn === 0)
      assert.deepEqual(
        cloud.faults.list().map(({ count }) => count),
        [1, 1],
      );
  }
  assert.deepEqual(codes, ['First', 'First', 'Second', undefined]);
});

test('a fault meets its action and its resource only', async () => {
  await using cloud = await start();
  cloud.faults.add({ kind: 'error', action, resourceId: 'vpn-two', status: 500, code: 'Scripted' });
  assert.equal((await send(cloud.port, call('vpn-two', 'DescribeVpnGateway'))).status, 200);
  assert.equal((await send(cloud.port, call('vpn-one'))).status, 200);
  assert.equal((await send(cloud.port, call('vpn-two'))).body.Code, 'Scripted');
  assert.equal((await send(cloud.port, call('vpn-two'))).status, 200);
});

test('a call that is not signed as it should be uses up no fault', async () => {
  await using cloud = await start();
  cloud.faults.add({ kind: 'reset', action, when: 'after' });
  const wire = call('vpn-one');
  const wrong = { ...wire, target: wire.target.replace('vpn-one', 'vpn-two') };
  assert.equal((await send(cloud.port, wrong)).body.Code, 'SignatureDoesNotMatch');
  assert.equal(cloud.faults.list().length, 1);
});

test('a fault after the effect does not hide that the call itself was refused', async () => {
  await using cloud = await start();
  cloud.faults.add({ kind: 'reset', action, when: 'after' });
  const answer = await send(cloud.port, call('vpn-nowhere'));
  assert.equal(answer.body.Code, 'InvalidVpnGatewayInstanceId.NotFound');
  assert.deepEqual(cloud.journal.effects(), []);
});

test('a replay after a lost answer has no second effect', async () => {
  await using cloud = await start();
  cloud.faults.add({ kind: 'reset', action, when: 'after' });
  const asked = { RegionId: region, VpnGatewayId: 'vpn-one', ClientToken: 'token-1' };
  await assert.rejects(send(cloud.port, signV3(signing(key, action, asked))));
  assert.equal((await send(cloud.port, signV3(signing(key, action, asked)))).status, 200);
  assert.deepEqual(
    cloud.journal.entries().map(({ effect, fault }) => [effect, fault]),
    [
      ['deleted', 'reset'],
      ['replayed', null],
    ],
  );
});

test('a defect of the emulator itself is told as one, and it goes on', async () => {
  await using cloud = await emulatorWith([gateway('vpn-one'), gateway('vpn-two', { tags: null as never })]);
  const { status, body } = await send(cloud.port, call('vpn-two', 'DescribeVpnGateway'));
  assert.deepEqual([status, body.Code], [500, 'InternalError']);
  assert.match(body.Message ?? '', /The emulator has a defect: TypeError/);
  assert.equal(cloud.journal.entries()[0]?.code, 'InternalError');
  assert.equal((await send(cloud.port, call('vpn-one'))).status, 200);
});
