import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import { createAuditLog } from '../src/audit/log.ts';
import type { CloudOperation, Look } from '../src/guard/cloud-operation.ts';
import { type Guard, guardedDelete } from '../src/guard/delete.ts';
import { createFollowUp } from '../src/guard/follow-up.ts';
import type { GuardedRequest } from '../src/guard/request.ts';
import { createLedger } from '../src/ledger/ledger.ts';
import type { PolicyResult } from '../src/policy/decision.ts';
import { openDatabase } from '../src/storage/database.ts';
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

/** The guard over a real ledger and a cloud that does as scripted. The clock stands until it is moved. */
async function open(cloud: { look: () => Look; call: CloudOperation['call'] }) {
  const stack = new AsyncDisposableStack();
  const directory = stack.use(temporaryDirectory());
  const { db } = stack.use(await openDatabase(join(directory.path, 'test.db')));
  let nowMs = 1_800_000_000_000;
  let looks = 0;
  const now = () => nowMs;
  const audit = createAuditLog(db, now);
  const ledger = createLedger(db, audit, now);
  const allow = (): PolicyResult => ({ allow: true, violations: [], obligations: [] });
  const guard: Guard = {
    accountId: '1',
    operation: {
      action: 'DeleteEnhancedVpnGateway',
      resourceType: 'enhanced-vpn-gateway',
      newClientToken: () => `pc-${randomUUID()}`,
      readFacts: () => Promise.resolve({}),
      call: cloud.call,
      look: () => {
        looks += 1;
        return Promise.resolve(cloud.look());
      },
    },
    policy: { revision: 'rev', digest: 'd', admission: allow, decision: allow },
    ledger,
    audit,
    active: new Set(),
    now,
  };
  const errors: unknown[] = [];
  const followUp = (changes: { accountId?: string } = {}) =>
    createFollowUp({
      ...guard,
      ...changes,
      attentionAfterMs: 60_000,
      onError: (error) => void errors.push(error),
      onAttention: () => undefined,
    });
  return {
    guard,
    ledger,
    followUp,
    errors,
    looks: () => looks,
    passes: (ms: number) => {
      nowMs += ms;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

const accepted: CloudOperation['call'] = () =>
  Promise.resolve({ kind: 'accepted', requestId: 'U', attempts: 1 });

test('an operation is left alone from the moment its intent can be seen until its outcome is recorded', async () => {
  await using at = await open({
    look: () => 'gone',
    call: async () => {
      await at.followUp().processAll();
      return { kind: 'accepted', requestId: 'U', attempts: 1 };
    },
  });
  const { guard } = at;
  const begin: typeof guard.ledger.begin = async (...intent) => {
    const begun = await at.ledger.begin(...intent);
    await at.followUp().processAll();
    return begun;
  };
  const answer = await guardedDelete({ ...guard, ledger: { ...guard.ledger, begin } }, asked);
  assert.equal(at.looks(), 0);
  assert.ok(answer.kind === 'carried-out');
  assert.equal(answer.operation.state, 'accepted');
  await at.followUp().processAll();
  assert.equal(at.looks(), 1, 'afterwards it is followed');
  assert.equal(guard.active.size, 0);
});

test('an operation of another account is not said to be gone because this one does not know its gateway', async () => {
  await using at = await open({ look: () => 'gone', call: accepted });
  const answer = await guardedDelete(at.guard, asked);
  assert.ok(answer.kind === 'carried-out');
  const { operationId } = answer.operation;
  const elsewhere = at.followUp({ accountId: '2' });
  await elsewhere.processAll();
  assert.equal((await at.ledger.find(operationId))?.state, 'accepted');
  assert.equal(at.looks(), 0, 'this account is not even asked');
  at.passes(60_000);
  await elsewhere.processAll();
  assert.equal((await at.ledger.find(operationId))?.state, 'needs_attention');
});

for (const [look, overdue, from, to] of [
  ['gone', false, 'unknown', 'gone'],
  ['gone', true, 'accepted', 'gone'],
  ['deleting', false, 'unknown', 'accepted'],
  ['deleting', true, 'unknown', 'accepted'],
  ['deleting', true, 'accepted', 'needs_attention'],
  ['present', false, 'unknown', 'unknown'],
  ['present', false, 'accepted', 'accepted'],
  ['present', true, 'unknown', 'needs_attention'],
  ['present', true, 'accepted', 'needs_attention'],
  ['unreadable', false, 'unknown', 'unknown'],
  ['unreadable', true, 'unknown', 'needs_attention'],
] as const) {
  test(`${from}, seen ${look}${overdue ? ' and overdue' : ''} → ${to}`, async () => {
    let sent = 0;
    await using at = await open({
      look: () => look,
      call: () => {
        sent += 1;
        return from === 'accepted'
          ? accepted(asked.target, '')
          : Promise.resolve({ kind: 'unknown', upstream: null, reason: 'Lost.', attempts: 1 });
      },
    });
    const answer = await guardedDelete(at.guard, asked);
    assert.ok(answer.kind === 'carried-out' && answer.operation.state === from);
    at.passes(overdue ? 60_000 : 59_999);
    await at.followUp().processAll();
    const after = await at.ledger.find(answer.operation.operationId);
    assert.equal(after?.state, to);
    assert.equal(sent, 1, 'a look never sends');
    assert.deepEqual(at.errors, []);
    if (to === 'needs_attention') assert.equal(after?.problem?.code, 'OUTCOME_UNKNOWN');
  });
}

test('what needs attention is still looked at, last, and ends when the gateway is gone', async () => {
  let look: Look = 'present';
  await using at = await open({ look: () => look, call: accepted });
  const answer = await guardedDelete(at.guard, asked);
  assert.ok(answer.kind === 'carried-out');
  const { operationId } = answer.operation;
  at.passes(60_000);
  await at.followUp().processAll();
  const waiting = await at.ledger.find(operationId);
  assert.equal(waiting?.state, 'needs_attention');
  for (look of ['present', 'deleting', 'unreadable'] as const) {
    await at.followUp().processAll();
    assert.deepEqual(await at.ledger.find(operationId), waiting);
  }
  const other = await guardedDelete(at.guard, { ...asked, target: { ...asked.target, resourceId: 'vpn-b' } });
  assert.ok(other.kind === 'carried-out');
  assert.deepEqual(
    (await at.ledger.toFollow(10)).map((operation) => operation.operationId),
    [other.operation.operationId, operationId],
  );
  look = 'gone';
  await at.followUp().processAll();
  const ended = await at.ledger.find(operationId);
  assert.deepEqual([ended?.state, ended?.problem], ['gone', null]);
});
