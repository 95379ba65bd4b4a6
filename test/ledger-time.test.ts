import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { createAuditLog } from '../src/audit/log.ts';
import type { AuditDraft } from '../src/audit/record.ts';
import type { Principal } from '../src/auth/principal.ts';
import type { Problem } from '../src/errors.ts';
import { createHousekeeping } from '../src/ledger/housekeeping.ts';
import { createLedger } from '../src/ledger/ledger.ts';
import type { Outcome } from '../src/ledger/operation.ts';
import type { BudgetLimit } from '../src/policy/decision.ts';
import { type StoreKind, storeKinds } from './support/stores.ts';

const principal: Principal = { issuer: 'i', subject: 's', tenant: 't', roles: [], teams: [], tokenHash: '0' };
const record: AuditDraft = {
  kind: 'decision',
  stage: 'intent',
  result: 'allowed',
  origin: { requestId: 'r', traceId: '0'.repeat(32), sourceAddress: '127.0.0.1' },
};
const minute = 60_000;
const hour = 60 * minute;
const retentionMs = 24 * hour;

/** A ledger whose clock stands, a whole minute, until it is moved. */
async function openLedger(kind: StoreKind) {
  const store = await kind.open();
  let nowMs = 29_700_000 * minute;
  const now = () => nowMs;
  const settings = { instance: 'one', leaseMs: 20_000, clientTokenTrustMs: 600_000 };
  const ledger = createLedger(store, createAuditLog(store, now), settings, now);
  return {
    ledger,
    housekeeping: createHousekeeping(store, retentionMs, now),
    passes: (ms: number) => {
      nowMs += ms;
    },
    async begin(limits: readonly BudgetLimit[] = [], idempotencyKey: string | null = null) {
      const { operation, budgets } = await ledger.begin(
        {
          operationId: `op_${randomUUID()}`,
          accountId: '1',
          action: 'DeleteEnhancedVpnGateway',
          resource: { type: 't', regionId: 'cn-hangzhou', id: `vpn-${randomUUID()}` },
          clientToken: `pc-${randomUUID()}`,
          reason: null,
          ticket: null,
          principal,
          requestId: 'r',
          decisionId: `dec_${randomUUID()}`,
          decidedAt: now(),
          policyRevision: 'rev',
          policyInput: {},
          idempotencyKey,
          fingerprint: 'f',
        },
        limits,
        record,
      );
      return { operation, budgets };
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

const ended = (state: Outcome['state']): Outcome => ({
  state,
  upstream: { requestId: null, code: null },
  problem: null,
  attempts: 1,
});
const exhausted = ({ code }: Problem) => code === 'BUDGET_EXHAUSTED';

for (const kind of storeKinds()) {
  const options = { skip: kind.skip };

  for (const [window, length] of [
    ['hour', hour],
    ['day', 24 * hour],
  ] as const) {
    test(
      `${kind.name}: what was begun counts for the whole ${window}, and not a minute longer`,
      options,
      async () => {
        await using at = await openLedger(kind);
        const limits = [{ scope: 'principal', window, limit: 1 }] as const;
        await at.begin(limits);
        at.passes(length);
        const refused = await at.begin(limits).then(
          () => assert.fail('begun'),
          (error: Problem) => error,
        );
        assert.ok(exhausted(refused), refused.message);
        const { retryAfterMs = 0 } = refused.options;
        assert.equal(retryAfterMs, minute, 'in doubt against the caller, by less than a minute');
        at.passes(retryAfterMs - 1);
        await assert.rejects(at.begin(limits), exhausted);
        at.passes(1);
        assert.equal((await at.begin(limits)).budgets[0]?.remaining, 0);
      },
    );
  }

  test(`${kind.name}: usage counts every scope, and takes back what had no effect`, options, async () => {
    await using at = await openLedger(kind);
    const counted = { principal, tenant: 't', regionId: 'cn-hangzhou' };
    const { operation } = await at.begin();
    await at.begin();
    const two = { hour: 2, day: 2 };
    assert.deepEqual(await at.ledger.usage(counted), { principal: two, tenant: two, region: two, all: two });
    await at.ledger.finish(operation, 'called', ended('failed'), record);
    at.passes(2 * hour);
    const one = { hour: 0, day: 1 };
    assert.deepEqual(await at.ledger.usage(counted), { principal: one, tenant: one, region: one, all: one });
    const other = { principal: { issuer: 'i', subject: 'x' }, tenant: 'x', regionId: 'x' };
    const none = { hour: 0, day: 0 };
    assert.deepEqual(await at.ledger.usage(other), { principal: none, tenant: none, region: none, all: one });
  });

  test(
    `${kind.name}: of those that race for the last places, as many begin as there are`,
    options,
    async () => {
      await using at = await openLedger(kind);
      const limits = [{ scope: 'all', window: 'hour', limit: 3 }] as const;
      const begun = await Promise.allSettled(Array.from({ length: 12 }, () => at.begin(limits)));
      assert.equal(begun.filter(({ status }) => status === 'fulfilled').length, 3);
    },
  );

  test(
    `${kind.name}: a key is kept for its time, longer while its operation is unfinished, then forgotten`,
    options,
    async () => {
      await using at = await openLedger(kind);
      const { operation: finished } = await at.begin([], 'finished');
      await at.ledger.finish(finished, 'called', ended('failed'), record);
      const { operation: unfinished } = await at.begin([], 'unfinished');
      at.passes(retentionMs);
      assert.equal(await at.housekeeping.sweep(), 0);
      assert.ok(await at.ledger.findByKey(principal, 'finished'));
      at.passes(1);
      assert.equal(await at.housekeeping.sweep(), 1);
      assert.equal(await at.ledger.findByKey(principal, 'finished'), null);
      assert.ok(await at.ledger.find(finished.operationId), 'the operation stays');
      assert.ok(await at.ledger.findByKey(principal, 'unfinished'));
      await at.ledger.finish(unfinished, 'called', ended('accepted'), record);
      assert.equal(await at.housekeeping.sweep(), 0, 'accepted is not its end');
    },
  );
}
