import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { createAuditLog } from '../src/audit/log.ts';
import { createCallsUnderWay } from '../src/guard/calls-under-way.ts';
import type { CallOutcome, CloudOperation, Look } from '../src/guard/cloud-operation.ts';
import { type Guard, guardedDelete } from '../src/guard/delete.ts';
import { createRecovery } from '../src/guard/recovery.ts';
import type { GuardedRequest } from '../src/guard/request.ts';
import { createClaims } from '../src/ledger/claims.ts';
import { createEmergencyStop } from '../src/ledger/emergency-stop.ts';
import { createLedger } from '../src/ledger/ledger.ts';
import type { PolicyResult } from '../src/policy/decision.ts';
import { openSqlite } from '../src/storage/sqlite.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const asked: GuardedRequest = {
  principal: { issuer: 'i', subject: 's', tenant: null, roles: [], teams: [], tokenHash: '0'.repeat(64) },
  origin: { requestId: 'r', traceId: '0'.repeat(32), sourceAddress: '127.0.0.1' },
  arrivedAtMs: 0,
  target: { regionId: 'cn-hangzhou', resourceId: 'vpn-a' },
  reason: null,
  ticket: null,
  validateOnly: false,
  idempotencyKey: null,
};
const leaseMs = 20_000;
const clientTokenTrustMs = 600_000;
const attentionAfterMs = 3_600_000;

const allowed: PolicyResult = { allow: true, violations: [], obligations: [], limits: [] };
const denied: PolicyResult = {
  allow: false,
  violations: [
    {
      code: 'NOW_PROTECTED',
      rule: 'r',
      message: 'Protected.',
      remedy: 'None.',
      details: {},
      exclusive: false,
    },
  ],
  obligations: [],
  limits: [],
};
const accepted: CallOutcome = { kind: 'accepted', requestId: 'U', attempts: 1 };
const unknown: CallOutcome = { kind: 'unknown', upstream: null, reason: 'Lost.', attempts: 1 };

/** Several instances over one ledger, and a cloud that does as scripted. The clock stands until it is moved. */
async function open() {
  const stack = new AsyncDisposableStack();
  const directory = stack.use(temporaryDirectory());
  const store = stack.use(await openSqlite(directory.path));
  let nowMs = 1_800_000_000_000;
  const now = () => nowMs;
  const audit = createAuditLog(store, now);
  const cloud = {
    look: 'present' as Look,
    outcome: accepted as CallOutcome | Promise<CallOutcome>,
    policy: allowed,
    looks: 0,
    /** ClientTokens in the order they were sent. */
    sent: [] as string[],
  };
  const errors: unknown[] = [];
  const instance = (name: string, accountId = '1') => {
    const settings = { instance: name, leaseMs, clientTokenTrustMs };
    const operation: CloudOperation = {
      action: 'DeleteEnhancedVpnGateway',
      resourceType: 'enhanced-vpn-gateway',
      newClientToken: () => `pc-${randomUUID()}`,
      readFacts: () => Promise.resolve({}),
      call: async (_target, clientToken, permission) => {
        assert.ok(permission.holds(), 'nothing is sent without permission');
        cloud.sent.push(clientToken);
        return cloud.outcome;
      },
      look: () => {
        cloud.looks += 1;
        return Promise.resolve(cloud.look);
      },
    };
    const guard: Guard = {
      accountId,
      operation,
      policy: { revision: 'rev', digest: 'd', admission: () => allowed, decision: () => cloud.policy },
      ledger: createLedger(store, audit, settings, now),
      audit,
      underWay: createCallsUnderWay(),
      now,
    };
    const recovery = createRecovery({
      ...guard,
      claims: createClaims(store, audit, settings, now),
      settings: { attentionAfterMs, lookEveryMs: 5_000, maxRounds: 6, maxResends: 2 },
      onStep: () => undefined,
      onError: (error) => void errors.push(error),
      onAttention: () => undefined,
    });
    return { guard, recovery, ledger: guard.ledger };
  };
  return {
    cloud,
    errors,
    instance,
    audit,
    emergencyStop: createEmergencyStop(store, audit, now),
    passes: (ms: number) => {
      nowMs += ms;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

type World = Awaited<ReturnType<typeof open>>;
type Instance = ReturnType<World['instance']>;

/** Begins a deletion and, unless it never ends, waits for what becomes of its call. */
async function begin({ guard }: Instance, request = asked) {
  const answer = await guardedDelete(guard, request);
  assert.ok(answer.kind === 'begun');
  return answer;
}

async function stateOf({ ledger }: Instance, operationId: string) {
  const operation = await ledger.find(operationId);
  assert.ok(operation);
  return operation;
}

/** Rounds of recovery, one after the other, until the operation has left `unknown` and `sending`. */
async function recoverUntilSettled(world: World, by: Instance, operationId: string): Promise<number> {
  let passed = 0;
  for (;;) {
    await by.recovery.processAll();
    const { state } = await stateOf(by, operationId);
    if (state !== 'sending' && state !== 'unknown') return passed;
    world.passes(500);
    passed += 500;
    assert.ok(passed < 3_600_000, 'settled at some time');
  }
}

const everything = {
  after: 0,
  limit: 1000,
  operationId: null,
  subject: null,
  resourceId: null,
  code: null,
  result: null,
};

test('an operation belongs to who began it while its lease lasts', async () => {
  await using world = await open();
  const { promise, resolve } = Promise.withResolvers<CallOutcome>();
  world.cloud.outcome = promise;
  const [one, other] = [world.instance('one'), world.instance('other')];
  const { operation, outcome } = await begin(one);
  for (const by of [one, other]) await by.recovery.processAll();
  world.passes(leaseMs - 1);
  for (const by of [one, other]) await by.recovery.processAll();
  assert.equal(world.cloud.looks, 0);
  resolve(accepted);
  assert.equal((await outcome).state, 'accepted');
  await other.recovery.processAll();
  assert.equal(world.cloud.looks, 1, 'afterwards anyone follows it');
  assert.equal((await stateOf(one, operation.operationId)).state, 'accepted');
});

test('when the lease has ended another instance takes it up, and the first can record nothing more', async () => {
  await using world = await open();
  const { promise, resolve } = Promise.withResolvers<CallOutcome>();
  world.cloud.outcome = promise;
  const [one, other] = [world.instance('one'), world.instance('other')];
  const { operation, outcome } = await begin(one);
  world.passes(leaseMs);
  world.cloud.look = 'deleting';
  await other.recovery.processAll();
  assert.equal((await stateOf(one, operation.operationId)).state, 'accepted');
  const recorded = (await world.audit.list(everything)).length;

  resolve({ kind: 'unknown', upstream: null, reason: 'Paused for long.', attempts: 1 });
  assert.equal((await outcome).state, 'accepted', 'the caller is told what holds');
  const after = await stateOf(one, operation.operationId);
  assert.deepEqual([after.state, after.problem], ['accepted', null]);
  assert.equal((await world.audit.list(everything)).length, recorded);
  assert.deepEqual(
    after.history.map(({ event, instance }) => [event, instance]),
    [
      ['begun', 'one'],
      ['taken-over', 'other'],
      ['looked', 'other'],
    ],
  );
});

test('what may have been lost is sent again: the same ClientToken, decided anew, recorded before', async () => {
  await using world = await open();
  world.cloud.outcome = unknown;
  const [one, other] = [world.instance('one'), world.instance('other')];
  const { operation, outcome } = await begin(one);
  assert.equal((await outcome).state, 'unknown');
  world.cloud.outcome = { kind: 'accepted', requestId: 'U2', attempts: 1 };
  await other.recovery.processAll();
  const after = await stateOf(other, operation.operationId);
  assert.deepEqual([after.state, after.attempts, after.upstream.requestId], ['accepted', 2, 'U2']);
  assert.deepEqual(world.cloud.sent, [operation.clientToken, operation.clientToken]);
  const records = await world.audit.list({ ...everything, operationId: operation.operationId });
  assert.deepEqual(
    records.map(({ kind, stage, result }) => [kind, stage, result]),
    [
      ['decision', 'intent', 'allowed'],
      ['outcome', 'call', 'unknown'],
      ['decision', 'recovery', 'allowed'],
      ['outcome', 'recovery', 'accepted'],
    ],
  );
  const again = after.history.find(({ event }) => event === 'sent-again');
  assert.equal(again?.decisionId, records[2]?.decisionId);
  assert.deepEqual(records[2]?.principal, asked.principal);
});

for (const [what, arrange] of [
  ['policy refuses it now', (world: World) => (world.cloud.policy = denied)],
  ['its ClientToken is no longer trusted', (world: World) => world.passes(clientTokenTrustMs)],
  [
    'deletions are stopped',
    (world: World) =>
      world.emergencyStop.change(
        { stopped: true, reason: 'no', by: asked.principal },
        { kind: 'administration', stage: 'request', result: 'guard-stop', origin: asked.origin },
      ),
  ],
] as const) {
  test(`nothing is sent again when ${what}; a person has to look within a minute`, async () => {
    await using world = await open();
    world.cloud.outcome = unknown;
    const one = world.instance('one');
    const { operation, outcome } = await begin(one);
    await outcome;
    await arrange(world);
    world.cloud.outcome = accepted;
    const passed = await recoverUntilSettled(world, one, operation.operationId);
    const after = await stateOf(one, operation.operationId);
    assert.equal(after.state, 'needs_attention');
    assert.match(after.problem?.detail ?? '', /still stands.*not sent again/);
    assert.deepEqual(world.cloud.sent, [operation.clientToken], 'sent once, before');
    assert.ok(passed <= 60_000, `${passed} ms`);
    assert.ok(world.cloud.looks > 1, 'and looked at in between');
    assert.deepEqual(world.errors, []);
  });
}

test('a refusal to send again is no proof that nothing happened', async () => {
  await using world = await open();
  world.cloud.outcome = unknown;
  const one = world.instance('one');
  const { operation, outcome } = await begin(one);
  await outcome;
  const { Problem } = await import('../src/errors.ts');
  world.cloud.outcome = {
    kind: 'failed',
    problem: new Problem('UPSTREAM_FORBIDDEN', 'Forbidden.'),
    attempts: 1,
  };
  await recoverUntilSettled(world, one, operation.operationId);
  assert.equal((await stateOf(one, operation.operationId)).state, 'needs_attention');
  assert.deepEqual(new Set(world.cloud.sent), new Set([operation.clientToken]));
});

test('an operation of another account is not said to be gone because this one does not know its gateway', async () => {
  await using world = await open();
  const { operation, outcome } = await begin(world.instance('one'));
  await outcome;
  world.cloud.look = 'gone';
  const elsewhere = world.instance('elsewhere', '2');
  await elsewhere.recovery.processAll();
  assert.equal((await stateOf(elsewhere, operation.operationId)).state, 'accepted');
  assert.equal(world.cloud.looks, 0, 'this account is not even asked');
  world.passes(attentionAfterMs);
  await elsewhere.recovery.processAll();
  assert.equal((await stateOf(elsewhere, operation.operationId)).state, 'needs_attention');
});

for (const [from, look, overdue, to] of [
  ['unknown', 'gone', false, 'gone'],
  ['accepted', 'gone', true, 'gone'],
  ['unknown', 'deleting', false, 'accepted'],
  ['unknown', 'deleting', true, 'accepted'],
  ['accepted', 'deleting', false, 'accepted'],
  ['accepted', 'deleting', true, 'needs_attention'],
  ['accepted', 'present', false, 'accepted'],
  ['accepted', 'present', true, 'needs_attention'],
  ['unknown', 'unreadable', false, 'unknown'],
  ['unknown', 'unreadable', true, 'needs_attention'],
] as const) {
  test(`${from}, seen ${look}${overdue ? ' and overdue' : ''} → ${to}, and nothing is sent`, async () => {
    await using world = await open();
    world.cloud.outcome = from === 'accepted' ? accepted : unknown;
    const one = world.instance('one');
    const { operation, outcome } = await begin(one);
    assert.equal((await outcome).state, from);
    world.cloud.look = look;
    world.passes(overdue ? attentionAfterMs : attentionAfterMs - 1);
    await one.recovery.processAll();
    const after = await stateOf(one, operation.operationId);
    assert.equal(after.state, to);
    assert.equal(world.cloud.sent.length, 1);
    assert.deepEqual(world.errors, []);
    if (to === 'needs_attention') assert.equal(after.problem?.code, 'OUTCOME_UNKNOWN');
  });
}

test('while the cloud cannot be read, nothing is settled and nobody is called before the time', async () => {
  await using world = await open();
  world.cloud.outcome = unknown;
  const one = world.instance('one');
  const { operation, outcome } = await begin(one);
  await outcome;
  world.cloud.look = 'unreadable';
  for (let round = 0; round < 20; round += 1) {
    await one.recovery.processAll();
    world.passes(16_000);
  }
  assert.equal((await stateOf(one, operation.operationId)).state, 'unknown');
  world.cloud.look = 'present';
  world.cloud.outcome = accepted;
  await one.recovery.processAll();
  assert.equal(
    (await stateOf(one, operation.operationId)).state,
    'accepted',
    'and when it can, it is sent again',
  );
});

test('what needs attention is still looked at, and ends when the gateway is gone', async () => {
  await using world = await open();
  const one = world.instance('one');
  const { operation, outcome } = await begin(one);
  await outcome;
  world.passes(attentionAfterMs);
  await one.recovery.processAll();
  const waiting = await stateOf(one, operation.operationId);
  assert.equal(waiting.state, 'needs_attention');
  for (world.cloud.look of ['present', 'deleting', 'unreadable'] as const) {
    world.passes(60_000);
    await one.recovery.processAll();
    assert.equal((await stateOf(one, operation.operationId)).state, 'needs_attention');
  }
  world.cloud.look = 'gone';
  world.passes(60_000);
  await one.recovery.processAll();
  const ended = await stateOf(one, operation.operationId);
  assert.deepEqual([ended.state, ended.problem], ['gone', null]);
  assert.equal(world.cloud.sent.length, 1);
});
