import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { guardRegions } from '../src/upstream/region-guard.ts';
import type { RpcCall, RpcReply } from '../src/upstream/reply.ts';
import { callOf } from './support/upstream.ts';

const settings = { concurrency: 2, queue: 2, queueTimeoutMs: 60_000, breakerCalls: 4, breakerOpenMs: 10_000 };
const good: RpcReply = { kind: 'ok', requestId: 'R', regionId: 'r', body: {} };
const refused = (httpStatus: number, code: string): RpcReply => ({
  kind: 'refused',
  httpStatus,
  code,
  message: '',
  requestId: 'R',
  retryAfterMs: null,
});
const doubt = (reason: 'timeout' | 'connection_lost' | 'aborted_in_flight'): RpcReply => ({
  kind: 'ambiguous',
  reason,
  cause: '',
  httpStatus: null,
  requestId: null,
});
const unsent = (reason: 'no_connection' | 'credentials_unavailable'): RpcReply => ({
  kind: 'not_sent',
  reason,
  cause: '',
});

/** Calls that end when told to. */
function heldRpc() {
  const inFlight: { call: RpcCall; end: (reply: RpcReply) => void }[] = [];
  return {
    inFlight,
    rpc: (call: RpcCall) => new Promise<RpcReply>((end) => inFlight.push({ call, end })),
  };
}

const opening: [string, RpcReply][] = [
  ['a timeout', doubt('timeout')],
  ['a lost connection', doubt('connection_lost')],
  ['no connection', unsent('no_connection')],
  ['a 503', refused(503, 'ServiceUnavailable')],
  ['a 500', refused(500, 'InternalError')],
];
for (const [name, reply] of opening) {
  test(`repeated, ${name} opens the circuit, and no further call is made`, async () => {
    let calls = 0;
    const rpc = guardRegions(async () => {
      calls += 1;
      return reply;
    }, settings);
    for (let i = 0; i < 4; i += 1) assert.deepEqual(await rpc(callOf('A')), reply);
    const held = await rpc(callOf('A'));
    assert.deepEqual([held.kind, 'reason' in held && held.reason], ['not_sent', 'circuit_open']);
    assert.equal(calls, 4);
  });
}

const harmless: [string, RpcReply][] = [
  ['a business error', refused(400, 'VpnGateway.Configuring')],
  ['an InternalError under 400', refused(400, 'InternalError')],
  ['a 403', refused(403, 'Forbidden')],
  ['throttling under 503', refused(503, 'Throttling.User')],
  ['a call that this instance ended', doubt('aborted_in_flight')],
  ['missing credentials', unsent('credentials_unavailable')],
];
for (const [name, reply] of harmless) {
  test(`however often, ${name} does not open the circuit`, async () => {
    const rpc = guardRegions(() => Promise.resolve(reply), settings);
    for (let i = 0; i < 20; i += 1) assert.deepEqual(await rpc(callOf('A')), reply);
  });
}

test('a circuit is of one region and one service', async () => {
  const rpc = guardRegions(
    (call) => Promise.resolve(call.regionId === 'bad-1' && call.service === 'Vpc' ? doubt('timeout') : good),
    settings,
  );
  for (let i = 0; i < 6; i += 1) await rpc(callOf('A', { regionId: 'bad-1' }));
  assert.equal((await rpc(callOf('A', { regionId: 'bad-1' }))).kind, 'not_sent');
  assert.equal((await rpc(callOf('A', { regionId: 'bad-1', service: 'Sts' }))).kind, 'ok');
  assert.equal((await rpc(callOf('A', { regionId: 'good-1' }))).kind, 'ok');
});

test('after its time one call tries the region, others do not wait for it, and success closes the circuit', async () => {
  mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
  try {
    const { rpc: held, inFlight } = heldRpc();
    let failing = true;
    const rpc = guardRegions((call) => (failing ? Promise.resolve(doubt('timeout')) : held(call)), settings);
    for (let i = 0; i < 4; i += 1) await rpc(callOf('A'));
    failing = false;
    assert.equal((await rpc(callOf('A'))).kind, 'not_sent');
    mock.timers.setTime(1_000_000 + settings.breakerOpenMs);
    const trial = rpc(callOf('A'));
    const other = await rpc(callOf('A'));
    assert.deepEqual([other.kind, 'reason' in other && other.reason], ['not_sent', 'circuit_open']);
    assert.equal(inFlight.length, 1);
    inFlight[0]?.end(good);
    assert.equal((await trial).kind, 'ok');
    const next = rpc(callOf('A'));
    await new Promise(setImmediate);
    inFlight[1]?.end(good);
    assert.equal((await next).kind, 'ok');
  } finally {
    mock.timers.reset();
  }
});

test('a failed trial keeps the circuit open', async () => {
  mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
  try {
    let calls = 0;
    const rpc = guardRegions(async () => {
      calls += 1;
      return doubt('timeout');
    }, settings);
    for (let i = 0; i < 4; i += 1) await rpc(callOf('A'));
    mock.timers.setTime(1_000_000 + settings.breakerOpenMs);
    assert.equal((await rpc(callOf('A'))).kind, 'ambiguous');
    assert.equal((await rpc(callOf('A'))).kind, 'not_sent');
    assert.equal(calls, 5);
  } finally {
    mock.timers.reset();
  }
});

test('calls beyond the limit wait in order, those beyond the queue are not sent', async () => {
  const { rpc: held, inFlight } = heldRpc();
  const rpc = guardRegions(held, settings);
  const pending = ['1', '2', '3', '4'].map((action) => rpc(callOf(action)));
  const fifth = await rpc(callOf('5'));
  assert.deepEqual([fifth.kind, 'reason' in fifth && fifth.reason], ['not_sent', 'concurrency_limit']);
  const began: string[] = [];
  for (let i = 0; i < 4; i += 1) {
    await new Promise(setImmediate);
    began.push(inFlight[i]?.call.action ?? 'none');
    inFlight[i]?.end(good);
  }
  assert.deepEqual(began, ['1', '2', '3', '4']);
  for (const reply of await Promise.all(pending)) assert.equal(reply.kind, 'ok');
});

test('a call whose turn does not come in time is never sent, not even later', async () => {
  const { rpc: held, inFlight } = heldRpc();
  const rpc = guardRegions(held, { ...settings, queueTimeoutMs: 20 });
  const running = [rpc(callOf('1')), rpc(callOf('2'))];
  const waited = await rpc(callOf('3'));
  assert.deepEqual([waited.kind, 'reason' in waited && waited.reason], ['not_sent', 'concurrency_limit']);
  for (const { end } of inFlight) end(good);
  await Promise.all(running);
  await new Promise(setImmediate);
  assert.deepEqual(
    inFlight.map(({ call }) => call.action),
    ['1', '2'],
  );
});

test('a call aborted while it waits is never sent', async () => {
  const { rpc: held, inFlight } = heldRpc();
  const rpc = guardRegions(held, settings);
  const running = [rpc(callOf('1')), rpc(callOf('2'))];
  const stop = new AbortController();
  const waiting = rpc(callOf('3', { signal: stop.signal }));
  stop.abort();
  const reply = await waiting;
  assert.deepEqual([reply.kind, 'reason' in reply && reply.reason], ['not_sent', 'aborted_before_sending']);
  for (const { end } of inFlight) end(good);
  await Promise.all(running);
  await new Promise(setImmediate);
  assert.equal(inFlight.length, 2);
});
