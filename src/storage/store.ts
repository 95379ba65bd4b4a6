import type { Kysely, Transaction } from 'kysely';
import { Problem } from '../errors.ts';
import type { Schema } from './schema.ts';

export type Database = Kysely<Schema>;
/** What a function takes that must be atomic with its caller's other changes. */
export type InTransaction = Transaction<Schema>;

export type Dialect = 'sqlite' | 'postgresql';

/** Where everything is kept that must outlast the process. The same code runs on either database. */
export type Store = AsyncDisposable & {
  readonly dialect: Dialect;
  /** For reads outside a transaction: sees only what is committed. */
  readonly read: Database;
  /**
   * Runs `work` in one transaction and resolves when that is durable; nothing of it is visible before. `work` waits for
   * the database alone, since others may wait for it. Throws Problem STORE_UNAVAILABLE for any failure of the store, with
   * `CommitUncertain` as its cause where the commit may have happened all the same. A Problem thrown by `work` passes
   * unchanged; with any other error nothing was changed either.
   */
  transact<T>(work: (trx: InTransaction) => Promise<T>): Promise<T>;
};

/** A commit that was asked for and not confirmed: what it held may be durable, or may turn out to be after a restart. */
export class CommitUncertain extends Error {
  override readonly name = 'CommitUncertain';

  constructor(cause: unknown) {
    super('The commit was asked for and not confirmed.', { cause });
  }
}

/** Runs a read; a failure of the store becomes Problem STORE_UNAVAILABLE. */
export async function orStoreUnavailable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof Problem ? error : storeUnavailable(error);
  }
}

/** The Problem for a failure of the store. */
export function storeUnavailable(cause: unknown): Problem {
  const detail =
    cause instanceof CommitUncertain
      ? 'The ledger did not confirm what was written to it, so the cloud was not asked for anything now. It may be recorded all the same: see what became of it before you send the request again.'
      : 'The ledger cannot be read or written, so nothing is deleted. Try again; if it lasts, the operator finds the cause in the log.';
  return new Problem('STORE_UNAVAILABLE', detail, { cause, retryAfterMs: 5_000 });
}
