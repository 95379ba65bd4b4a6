import { setTimeout as sleep } from 'node:timers/promises';
import type { Store } from '../storage/store.ts';
import { sweepBudgets } from './budgets.ts';
import { unfinishedStates } from './states.ts';

export type Housekeeping = {
  /** Forgets idempotency keys whose time is over, and counts that no budget reaches any more. Returns how many keys. */
  sweep(): Promise<number>;
  /** Sweeps now and every `intervalMs` until the signal aborts; resolves when the last sweep has ended. */
  run(intervalMs: number, signal: AbortSignal, onError: (error: unknown) => void): Promise<void>;
};

/** So that no sweep holds up others for long. */
const sweptAtOnce = 1_000;

/**
 * `retentionMs`: how long a key keeps standing for its operation, at least. The key of an unfinished operation is kept
 * beyond that: forgetting it would let the same request begin once more.
 */
export function createHousekeeping(store: Store, retentionMs: number, now: () => number): Housekeeping {
  async function sweepKeys(): Promise<number> {
    return store.transact(async (trx) => {
      const swept = await trx
        .updateTable('operations')
        .set({ idempotency_key: null })
        .where('operation_id', 'in', (expired) =>
          expired
            .selectFrom('operations')
            .select('operation_id')
            .where('idempotency_key', 'is not', null)
            .where('created_at', '<', now() - retentionMs)
            .where('state', 'not in', unfinishedStates)
            .limit(sweptAtOnce),
        )
        .executeTakeFirst();
      return Number(swept.numUpdatedRows);
    });
  }

  async function sweep(): Promise<number> {
    let total = 0;
    for (let swept = sweptAtOnce; swept === sweptAtOnce; total += swept) swept = await sweepKeys();
    await store.transact((trx) => sweepBudgets(trx, now()));
    return total;
  }

  return {
    sweep,
    async run(intervalMs, signal, onError) {
      while (!signal.aborted) {
        await sweep().catch(onError);
        await sleep(intervalMs, undefined, { signal, ref: false }).catch(() => undefined);
      }
    },
  };
}

/** Throws Problem STORE_UNAVAILABLE when the store takes no writes. */
export async function probe(store: Store): Promise<void> {
  // An update of no row takes the write lock all the same.
  await store.transact(async (trx) => {
    await trx.updateTable('emergency_stop').set({ stopped: 1 }).where('id', '=', 0).execute();
  });
}
