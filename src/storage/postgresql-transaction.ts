import pg from 'pg';
import { Problem } from '../errors.ts';
import { CommitUncertain, type Database, type InTransaction, storeUnavailable } from './store.ts';

/** Serialization failures and deadlocks: the transaction was rolled back, and may simply be run again. */
const retryableCodes = new Set(['40001', '40P01']);
const mostAttempts = 4;

/** `Store.transact` on PostgreSQL. `work` may run several times; only the last of them is committed. */
export async function transact<T>(db: Database, work: (trx: InTransaction) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await transactOnce(db, work);
    } catch (error) {
      if (error instanceof Problem) throw error;
      if (attempt < mostAttempts && retryableCodes.has(codeOf(error))) continue;
      throw storeUnavailable(error);
    }
  }
}

async function transactOnce<T>(db: Database, work: (trx: InTransaction) => Promise<T>): Promise<T> {
  const trx = await db.startTransaction().execute();
  // A rollback also gives the connection free again; one that fails means that the connection is gone for good.
  const rollBack = () =>
    trx
      .rollback()
      .execute()
      .catch(() => undefined);
  let value: T;
  try {
    value = await work(trx);
  } catch (error) {
    await rollBack();
    throw error;
  }
  try {
    await trx.commit().execute();
  } catch (error) {
    // COMMIT may be answered by ROLLBACK: `work` kept an error of a statement to itself.
    const refused = trx.isRolledBack || saysNotCommitted(error);
    await rollBack();
    throw refused ? error : new CommitUncertain(error);
  }
  return value;
}

/**
 * Whether a failed COMMIT certainly changed nothing: a constraint (class 23) or the server's own choice (class 40)
 * forbade it (https://www.postgresql.org/docs/current/errcodes-appendix.html). Anything else may come after the commit
 * was written: a lost connection, a shutdown, a full disk.
 */
function saysNotCommitted(error: unknown): boolean {
  return /^(23|40)/.test(codeOf(error));
}

/** The five-character SQLSTATE of an error that the server sent; empty for any other. */
function codeOf(error: unknown): string {
  return (error instanceof pg.DatabaseError ? error.code : undefined) ?? '';
}
