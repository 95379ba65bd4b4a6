import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { Problem } from '../../src/errors.ts';
import { CommitUncertain, type InTransaction, type Store } from '../../src/storage/store.ts';

/** Adds one to the count of `key`: what is done twice, or not at all, shows. */
export function add(trx: InTransaction, key: string) {
  return trx
    .insertInto('budget_usage')
    .values({ scope: 'x', key, minute: 1, used: 1 })
    .onConflict((conflict) =>
      conflict
        .columns(['scope', 'key', 'minute'])
        .doUpdateSet((eb) => ({ used: eb('budget_usage.used', '+', 1) })),
    )
    .execute();
}

/** The counts of all keys. */
export async function used(store: Store): Promise<Record<string, number>> {
  const rows = await store.read.selectFrom('budget_usage').select(['key', 'used']).execute();
  return Object.fromEntries(rows.map(({ key, used: count }) => [key, count]));
}

/** What a failed `transact` must reject with: a 503, and whether it says that it may be done all the same. */
export function isUnavailable({ uncertain }: { uncertain: boolean }) {
  return (error: unknown) => {
    assert.ok(error instanceof Problem && error.code === 'STORE_UNAVAILABLE', inspect(error));
    assert.equal(error.cause instanceof CommitUncertain, uncertain, inspect(error));
    return true;
  };
}

/** What it returns resolves when it has been called `size` times. */
export function meeting(size: number): () => Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let there = 0;
  return () => {
    there += 1;
    if (there === size) resolve();
    return promise;
  };
}
