import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import { sql } from 'kysely';
import { createAuditLog } from '../src/audit/log.ts';
import type { AuditDraft } from '../src/audit/record.ts';
import { Problem } from '../src/errors.ts';
import { createLedger } from '../src/ledger/ledger.ts';
import type { Intent, Outcome } from '../src/ledger/operation.ts';
import { operationStates, transitions } from '../src/ledger/states.ts';
import { openDatabase } from '../src/storage/database.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const origin = { requestId: 'r', traceId: '0'.repeat(32), sourceAddress: '127.0.0.1' };
const draft: AuditDraft = { kind: 'decision', stage: 'intent', result: 'allowed', origin };
const everything = {
  after: 0,
  limit: 100,
  operationId: null,
  subject: null,
  resourceId: null,
  code: null,
  result: null,
};

function intent(changes: Partial<Intent> = {}): Intent {
  return {
    operationId: `op_${randomUUID()}`,
    accountId: '1',
    action: 'DeleteEnhancedVpnGateway',
    resource: { type: 'enhanced-vpn-gateway', regionId: 'cn-hangzhou', id: 'vpn-a' },
    clientToken: `pc-${randomUUID()}`,
    reason: null,
    ticket: null,
    principal: { issuer: 'i', subject: 's' },
    requestId: 'r',
    decisionId: `dec_${randomUUID()}`,
    policyRevision: 'rev',
    policyInput: { a: 1 },
    idempotencyKey: null,
    fingerprint: 'f',
    ...changes,
  };
}

function outcome(state: Outcome['state']): Outcome {
  return { state, upstream: { requestId: 'U', code: null }, problem: null, attempts: 1 };
}

async function openLedger() {
  const stack = new AsyncDisposableStack();
  const directory = stack.use(temporaryDirectory());
  const file = join(directory.path, 'test.db');
  const { db } = stack.use(await openDatabase(file));
  const audit = createAuditLog(db, Date.now);
  return {
    db,
    file,
    audit,
    ledger: createLedger(db, audit, Date.now),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

test('an intent and its audit record stand or fall together', async () => {
  await using store = await openLedger();
  const begun = await store.ledger.begin(intent(), draft);
  assert.equal(begun.state, 'sending');
  assert.equal((await store.audit.list(everything)).length, 1);

  await sql`create trigger no_audit before insert on audit_records begin select raise(abort, 'disk full'); end`.execute(
    store.db,
  );
  const lost = intent({ resource: { type: 'enhanced-vpn-gateway', regionId: 'cn-hangzhou', id: 'vpn-b' } });
  await assert.rejects(
    store.ledger.begin(lost, draft),
    (error: Problem) => error.code === 'STORE_UNAVAILABLE',
  );
  assert.equal(await store.ledger.find(lost.operationId), null);
});

test('one unfinished deletion a gateway; another region, account or gateway is another matter', async () => {
  await using store = await openLedger();
  const first = intent();
  await store.ledger.begin(first, draft);
  const again = (changes: Partial<Intent>) => store.ledger.begin(intent(changes), draft);
  await assert.rejects(again({}), (error: Problem) => {
    assert.equal(error.code, 'OPERATION_IN_PROGRESS');
    assert.equal(error.options.operationId, first.operationId, 'its own caller is told which');
    return true;
  });
  await assert.rejects(again({ principal: { issuer: 'i', subject: 'other' } }), (error: Problem) => {
    assert.equal(error.options.operationId, undefined, 'another caller is not');
    return error.code === 'OPERATION_IN_PROGRESS';
  });
  await again({ accountId: '2' });
  await again({ resource: { ...first.resource, regionId: 'eu-central-1' } });
  await again({ resource: { ...first.resource, id: 'vpn-b' } });
  for (const state of ['failed', 'gone', 'needs_attention'] as const) {
    const other = intent({ resource: { ...first.resource, id: `vpn-${state.replace('_', '')}` } });
    await store.ledger.begin(other, draft);
    await store.ledger.finish(other.operationId, outcome(state), draft);
    await again({ resource: other.resource });
  }
  for (const state of ['unknown', 'accepted'] as const) {
    const other = intent({ resource: { ...first.resource, id: `vpn-${state}` } });
    await store.ledger.begin(other, draft);
    await store.ledger.finish(other.operationId, outcome(state), draft);
    await assert.rejects(
      again({ resource: other.resource }),
      (error: Problem) => error.code === 'OPERATION_IN_PROGRESS',
    );
  }
});

test('of intents that race for one gateway, one begins', async () => {
  await using store = await openLedger();
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, () => store.ledger.begin(intent(), draft)),
  );
  assert.equal(results.filter((result) => result.status === 'fulfilled').length, 1);
  assert.equal((await store.audit.list(everything)).length, 1, 'the others left no record of an allowance');
});

test('a key stands for one operation of one caller', async () => {
  await using store = await openLedger();
  const keyed = intent({ idempotencyKey: 'k' });
  await store.ledger.begin(keyed, draft);
  await store.ledger.finish(keyed.operationId, outcome('failed'), draft);
  await assert.rejects(
    store.ledger.begin(intent({ idempotencyKey: 'k' }), draft),
    (error: Problem) => error.code === 'OPERATION_IN_PROGRESS',
  );
  assert.equal((await store.ledger.findByKey(keyed.principal, 'k'))?.operationId, keyed.operationId);
  assert.equal(await store.ledger.findByKey({ issuer: 'i', subject: 'other' }, 'k'), null);
  assert.equal(await store.ledger.findByKey({ issuer: 'other', subject: 's' }, 'k'), null);
  await store.ledger.begin(
    intent({ idempotencyKey: 'k', principal: { issuer: 'other', subject: 's' } }),
    draft,
  );
});

test('only the listed transitions are written', async () => {
  await using store = await openLedger();
  for (const from of operationStates) {
    for (const to of operationStates) {
      const started = intent({ resource: { type: 't', regionId: 'r', id: `${from}-${to}` } });
      await store.ledger.begin(started, draft);
      await store.db
        .updateTable('operations')
        .set({ state: from })
        .where('operation_id', '=', started.operationId)
        .execute();
      const written = transitions[from].includes(to);
      const record = { ...draft, operationId: started.operationId };
      const after = await store.ledger.finish(started.operationId, outcome(to), record);
      assert.equal(after.state, written ? to : from, `${from} → ${to}`);
      const records = await store.audit.list({ ...everything, operationId: started.operationId });
      assert.equal(records.length, 1, `${from} → ${to} is recorded whether it changed the state or not`);
    }
  }
});

test('audit records cannot be changed or removed, not even by SQL', async () => {
  await using store = await openLedger();
  await store.audit.record(draft);
  await assert.rejects(sql`update audit_records set result = 'x'`.execute(store.db), /append-only/);
  await assert.rejects(sql`delete from audit_records`.execute(store.db), /append-only/);
  assert.equal((await store.audit.list(everything))[0]?.result, 'allowed');
});

test('a store that takes no writes is a 503, and a closed one too', async () => {
  const store = await openLedger();
  await sql`pragma query_only = on`.execute(store.db);
  await assert.rejects(
    store.ledger.begin(intent(), draft),
    (error: Problem) => error instanceof Problem && error.code === 'STORE_UNAVAILABLE',
  );
  await assert.rejects(store.ledger.probe(), (error: Problem) => error.code === 'STORE_UNAVAILABLE');
  await store[Symbol.asyncDispose]();
  await assert.rejects(store.audit.record(draft), (error: Problem) => error.code === 'STORE_UNAVAILABLE');
});

test('a database from a newer version is refused and left as it was', async () => {
  using directory = temporaryDirectory();
  const file = join(directory.path, 'test.db');
  {
    await using store = await openDatabase(file);
    await sql`insert into kysely_migration (name, timestamp) values ('9999-from-the-future', '2030-01-01')`.execute(
      store.db,
    );
  }
  await assert.rejects(openDatabase(file), /newer Portcullis/);
});
