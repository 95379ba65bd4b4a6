import { type Kysely, sql, type Transaction } from 'kysely';
import { Problem } from '../errors.ts';
import type { Schema } from './schema.ts';
import { CommitUncertain, storeUnavailable } from './store.ts';

type Work = {
  run: (trx: Transaction<Schema>) => Promise<unknown>;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
};

/** So that one commit never holds up those who wait for the next for long. */
const largestGroup = 64;

/**
 * Commits what arrives at the same time together: a commit waits for the disk, and one wait serves a whole group. Each
 * work has a savepoint of its own, so that one that fails takes nothing of the others with it. Every work is told of
 * its end only after the commit of its group.
 *
 * `db` has one connection, which nobody else writes on; `isInTransaction` says whether its transaction still stands.
 */
export function createGroupCommit(
  db: Kysely<Schema>,
  isInTransaction: () => boolean,
): <T>(work: (trx: Transaction<Schema>) => Promise<T>) => Promise<T> {
  const waiting: Work[] = [];
  let draining = false;

  async function commitGroup(): Promise<void> {
    const settle: (() => void)[] = [];
    const group: Work[] = [];
    try {
      const trx = await db.startTransaction().execute();
      try {
        for (let work = waiting.shift(); work !== undefined; work = waiting.shift()) {
          group.push(work);
          settle.push(await runAlone(trx, work, isInTransaction));
          if (group.length === largestGroup) break;
        }
      } catch (error) {
        await trx
          .rollback()
          .execute()
          .catch(() => undefined);
        throw error;
      }
      try {
        await trx.commit().execute();
      } catch (error) {
        // Also where SQLite has rolled back already: only this gives the connection free again.
        await trx
          .rollback()
          .execute()
          .catch(() => undefined);
        throw new CommitUncertain(error);
      }
    } catch (error) {
      // A group that could not even begin takes along what waits for it: the cause is the same.
      for (const work of group.length > 0 ? group : waiting.splice(0)) work.reject(storeUnavailable(error));
      return;
    }
    for (const done of settle) done();
  }

  async function drain(): Promise<void> {
    while (waiting.length > 0) {
      await commitGroup();
      await nextTurn();
    }
    draining = false;
  }

  return <T>(run: (trx: Transaction<Schema>) => Promise<T>) =>
    new Promise<T>((resolve, reject) => {
      waiting.push({ run, resolve: resolve as (value: unknown) => void, reject });
      if (draining) return;
      draining = true;
      // Not at once: whatever else arrives in this turn of the event loop joins the group.
      void nextTurn().then(drain);
    });
}

/** Runs one work in its savepoint. Returns how it is settled once the group is durable; throws when the group is lost. */
async function runAlone(
  trx: Transaction<Schema>,
  { run, resolve, reject }: Work,
  isInTransaction: () => boolean,
): Promise<() => void> {
  await sql`savepoint work`.execute(trx);
  try {
    const value = await run(trx);
    await sql`release work`.execute(trx);
    return () => resolve(value);
  } catch (error) {
    // A full disk or a failing one makes SQLite roll back everything, the works before this one included.
    if (!isInTransaction()) throw error;
    await sql`rollback to work`.execute(trx);
    await sql`release work`.execute(trx);
    return () => reject(error instanceof Problem ? error : storeUnavailable(error));
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
