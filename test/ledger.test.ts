import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { sql } from 'kysely';
import { createAuditLog } from '../src/audit/log.ts';
import type { AuditDraft } from '../src/audit/record.ts';
import type { Principal } from '../src/auth/principal.ts';
import { Problem } from '../src/errors.ts';
import { probe } from '../src/ledger/housekeeping.ts';
import { createLedger } from '../src/ledger/ledger.ts';
import type { Intent, Outcome } from '../src/ledger/operation.ts';
import { operationStates, transitions } from '../src/ledger/states.ts';
import { openSqlite } from '../src/storage/sqlite.ts';
import { type StoreKind, storeKinds } from './support/stores.ts';
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

const principal: Principal = {
  issuer: 'i',
  subject: 's',
  tenant: null,
  roles: [],
  teams: [],
  tokenHash: '0',
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
    principal,
    requestId: 'r',
    decisionId: `dec_${randomUUID()}`,
    decidedAt: 0,
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

const settings = { instance: 'inst_1', leaseMs: 20_000, clientTokenTrustMs: 600_000 };

async function openLedger(kind: StoreKind) {
  const stack = new AsyncDisposableStack();
  const store = stack.use(await kind.open());
  const audit = createAuditLog(store, Date.now);
  const ledger = createLedger(store, audit, settings, Date.now);
  return {
    store,
    audit,
    ledger,
    /** Begins an operation and records what became of it. */
    async end(begun: Intent, state: Outcome['state']) {
      await ledger.begin(begun, [], draft);
      return ledger.finish({ ...begun, fence: 1 }, 'called', outcome(state), draft);
    },
    sql: (statement: string) => store.transact((trx) => sql.raw(statement).execute(trx)),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

for (const kind of storeKinds()) {
  test(`${kind.name}: an intent and its audit record stand or fall together`, {
    skip: kind.skip,
  }, async () => {
    await using store = await openLedger(kind);
    const begun = await store.ledger.begin(intent(), [], draft);
    assert.equal(begun.operation.state, 'sending');
    assert.equal((await store.audit.list(everything)).length, 1);

    await store.sql(
      store.store.dialect === 'sqlite'
        ? `create trigger no_audit before insert on audit_records begin select raise(abort, 'disk full'); end`
        : 'alter table audit_records add constraint no_audit check (false) not valid',
    );
    const lost = intent({ resource: { type: 'enhanced-vpn-gateway', regionId: 'cn-hangzhou', id: 'vpn-b' } });
    await assert.rejects(
      store.ledger.begin(lost, [], draft),
      (error: Problem) => error.code === 'STORE_UNAVAILABLE',
    );
    assert.equal(await store.ledger.find(lost.operationId), null);
  });

  test(`${kind.name}: one unfinished deletion a gateway; another region, account or gateway is another matter`, {
    skip: kind.skip,
  }, async () => {
    await using store = await openLedger(kind);
    const first = intent();
    await store.ledger.begin(first, [], draft);
    const again = (changes: Partial<Intent>) => store.ledger.begin(intent(changes), [], draft);
    await assert.rejects(again({}), (error: Problem) => {
      assert.equal(error.code, 'OPERATION_IN_PROGRESS');
      assert.equal(error.options.operationId, first.operationId, 'its own caller is told which');
      return true;
    });
    await assert.rejects(again({ principal: { ...principal, subject: 'other' } }), (error: Problem) => {
      assert.equal(error.options.operationId, undefined, 'another caller is not');
      return error.code === 'OPERATION_IN_PROGRESS';
    });
    await again({ accountId: '2' });
    await again({ resource: { ...first.resource, regionId: 'eu-central-1' } });
    await again({ resource: { ...first.resource, id: 'vpn-b' } });
    for (const state of ['failed', 'gone', 'needs_attention'] as const) {
      const other = intent({ resource: { ...first.resource, id: `vpn-${state.replace('_', '')}` } });
      await store.end(other, state);
      await again({ resource: other.resource });
    }
    for (const state of ['unknown', 'accepted'] as const) {
      const other = intent({ resource: { ...first.resource, id: `vpn-${state}` } });
      await store.end(other, state);
      await assert.rejects(
        again({ resource: other.resource }),
        (error: Problem) => error.code === 'OPERATION_IN_PROGRESS',
      );
    }
  });

  test(`${kind.name}: of intents that race for one gateway, one begins`, { skip: kind.skip }, async () => {
    await using store = await openLedger(kind);
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, () => store.ledger.begin(intent(), [], draft)),
    );
    assert.equal(results.filter((result) => result.status === 'fulfilled').length, 1);
    assert.equal((await store.audit.list(everything)).length, 1, 'the others left no record of an allowance');
  });

  test(`${kind.name}: a key stands for one operation of one caller`, { skip: kind.skip }, async () => {
    await using store = await openLedger(kind);
    const keyed = intent({ idempotencyKey: 'k' });
    await store.end(keyed, 'failed');
    await assert.rejects(
      store.ledger.begin(intent({ idempotencyKey: 'k' }), [], draft),
      (error: Problem) => error.code === 'OPERATION_IN_PROGRESS',
    );
    assert.equal((await store.ledger.findByKey(keyed.principal, 'k'))?.operationId, keyed.operationId);
    assert.equal(await store.ledger.findByKey({ issuer: 'i', subject: 'other' }, 'k'), null);
    assert.equal(await store.ledger.findByKey({ issuer: 'other', subject: 's' }, 'k'), null);
    await store.ledger.begin(
      intent({ idempotencyKey: 'k', principal: { ...principal, issuer: 'other' } }),
      [],
      draft,
    );
  });

  test(`${kind.name}: only the listed transitions are written`, { skip: kind.skip }, async () => {
    await using store = await openLedger(kind);
    for (const from of operationStates) {
      for (const to of operationStates) {
        const started = intent({ resource: { type: 't', regionId: 'r', id: `${from}-${to}` } });
        await store.ledger.begin(started, [], draft);
        await store.sql(
          `update operations set state = '${from}' where operation_id = '${started.operationId}'`,
        );
        const written = transitions[from].includes(to);
        const record = { ...draft, operationId: started.operationId };
        const finished = await store.ledger.finish({ ...started, fence: 1 }, 'called', outcome(to), record);
        assert.equal(finished?.state ?? null, written ? to : null, `${from} → ${to}`);
        assert.equal((await store.ledger.find(started.operationId))?.state, written ? to : from);
        const records = await store.audit.list({ ...everything, operationId: started.operationId });
        assert.equal(
          records.length,
          written ? 1 : 0,
          `${from} → ${to} is recorded with the change, or not at all`,
        );
        await store.sql(
          `update operations set state = 'failed' where operation_id = '${started.operationId}'`,
        );
      }
    }
  });

  test(`${kind.name}: audit records cannot be changed or removed, not even by SQL`, {
    skip: kind.skip,
  }, async () => {
    await using store = await openLedger(kind);
    await store.audit.record(draft);
    for (const statement of [`update audit_records set result = 'x'`, 'delete from audit_records']) {
      await assert.rejects(store.sql(statement), ({ cause }: Problem) => /append-only/.test(String(cause)));
    }
    assert.equal((await store.audit.list(everything))[0]?.result, 'allowed');
  });

  test(`${kind.name}: a store that takes no writes is a 503, and a closed one too`, {
    skip: kind.skip,
  }, async () => {
    const store = await openLedger(kind);
    await store.sql('drop table emergency_stop');
    await assert.rejects(
      store.ledger.begin(intent(), [], draft),
      (error: Problem) => error instanceof Problem && error.code === 'STORE_UNAVAILABLE',
    );
    await assert.rejects(probe(store.store), (error: Problem) => error.code === 'STORE_UNAVAILABLE');
    await store[Symbol.asyncDispose]();
    await assert.rejects(store.audit.record(draft), (error: Problem) => error.code === 'STORE_UNAVAILABLE');
  });
}

test('a database from a newer version is refused and left as it was', async () => {
  using directory = temporaryDirectory();
  {
    await using store = await openSqlite(directory.path);
    await store.transact((trx) =>
      sql`insert into kysely_migration (name, timestamp) values ('9999-from-the-future', '2030-01-01')`.execute(
        trx,
      ),
    );
  }
  await assert.rejects(openSqlite(directory.path), /newer Portcullis/);
});
