import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import {
  Kysely,
  SqliteDialect,
  type SqliteDatabase as SqliteDialectDatabase,
  type Transaction,
} from 'kysely';
import { Migrator } from 'kysely/migration';
import { LRUCache } from 'lru-cache';
import { OperatorError, Problem } from '../errors.ts';
import * as operationsAndAudit from './migrations/0001-operations-and-audit.ts';
import type { Schema } from './schema.ts';

export type Database = Kysely<Schema>;
/** What a function takes that must be atomic with its caller's other changes. */
export type InTransaction = Transaction<Schema>;

export type OpenDatabase = {
  readonly db: Database;
  [Symbol.asyncDispose](): Promise<void>;
};

const migrations = { '0001-operations-and-audit': operationsAndAudit };

/** Name of the database in the state directory. */
export const databaseFile = 'portcullis.db';

/** How long a write waits for another process's lock. Waiting blocks the event loop, so it is short. */
const lockWaitMs = 100;

/**
 * Opens (and creates, and migrates) the SQLite database in `file`. WAL with `synchronous=FULL`: a commit that was
 * acknowledged survives the loss of power, which NORMAL does not promise (https://www.sqlite.org/pragma.html#pragma_synchronous).
 * Throws OperatorError that names the file and what to do when it cannot be opened or comes from a newer version.
 */
export async function openDatabase(file: string): Promise<OpenDatabase> {
  const sqlite = openFile(file);
  const db = new Kysely<Schema>({ dialect: new SqliteDialect({ database: rememberingStatements(sqlite) }) });
  try {
    await migrate(db, file);
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return { db, [Symbol.asyncDispose]: () => db.destroy() };
}

/** Opens an existing database for reading, beside a process that writes it. Throws as `openDatabase`. */
export function openDatabaseReadOnly(file: string): OpenDatabase {
  let sqlite: SqliteDatabase.Database;
  try {
    sqlite = new SqliteDatabase(file, { readonly: true, fileMustExist: true, timeout: lockWaitMs });
  } catch (error) {
    throw new OperatorError(
      `There is no readable database at ${file}. Give the state directory of a started gateway.`,
      {
        cause: error,
      },
    );
  }
  const db = new Kysely<Schema>({ dialect: new SqliteDialect({ database: rememberingStatements(sqlite) }) });
  return { db, [Symbol.asyncDispose]: () => db.destroy() };
}

/**
 * Runs `work` in one transaction. Any failure of the store itself becomes Problem STORE_UNAVAILABLE; a Problem
 * thrown by `work` passes unchanged. Nothing of it is visible unless the commit is durable.
 */
export async function inTransaction<T>(db: Database, work: (trx: InTransaction) => Promise<T>): Promise<T> {
  return orStoreUnavailable(() => db.transaction().execute(work));
}

/** Runs a read or a single statement; a failure of the store becomes Problem STORE_UNAVAILABLE. */
export async function orStoreUnavailable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem(
      'STORE_UNAVAILABLE',
      'The ledger cannot be read or written, so nothing is deleted. Try again; if it lasts, the operator finds the cause in the log.',
      { cause: error, retryAfterMs: 5_000 },
    );
  }
}

/** Whether the error is a violated unique index of that name or on those columns (as SQLite words it). */
export function isUniqueViolation(error: unknown, columns: string): boolean {
  return (
    error instanceof SqliteDatabase.SqliteError &&
    error.code === 'SQLITE_CONSTRAINT_UNIQUE' &&
    error.message.includes(columns)
  );
}

/** Preparing a statement costs as much as running it, and the same few run over and over. */
function rememberingStatements(sqlite: SqliteDatabase.Database): SqliteDialectDatabase {
  const prepared = new LRUCache<string, SqliteDatabase.Statement<unknown[]>>({ max: 100 });
  return {
    close: () => void sqlite.close(),
    prepare(sql) {
      const known = prepared.get(sql);
      if (known !== undefined) return known;
      const statement = sqlite.prepare<unknown[]>(sql);
      prepared.set(sql, statement);
      return statement;
    },
  };
}

function openFile(file: string): SqliteDatabase.Database {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    // Made before SQLite makes it, so that nobody else can read it; its side files take over the mode.
    closeSync(openSync(file, 'a', 0o600));
    const sqlite = new SqliteDatabase(file, { timeout: lockWaitMs });
    sqlite.pragma('journal_mode = WAL');
    sqlite.pragma('synchronous = FULL');
    sqlite.pragma('foreign_keys = ON');
    return sqlite;
  } catch (error) {
    throw new OperatorError(
      `The database ${file} cannot be opened (${(error as Error).message}). ` +
        'Make its directory writable for this user, or name another with --state-dir.',
      { cause: error },
    );
  }
}

async function migrate(db: Database, file: string): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) return;
  throw new OperatorError(
    `The database ${file} cannot be brought to this version (${error instanceof Error ? error.message : 'unknown'}). ` +
      'If a newer Portcullis wrote it, run that version; it was left as it was.',
    { cause: error },
  );
}
