import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import { Kysely, SqliteAdapter, SqliteDialect, type SqliteDatabase as SqliteDialectDatabase } from 'kysely';
import { LRUCache } from 'lru-cache';
import { OperatorError } from '../errors.ts';
import { createGroupCommit } from './group-commit.ts';
import { migrate } from './migrate.ts';
import type { Schema } from './schema.ts';
import type { Database, Store } from './store.ts';

/** Names of the database in the state directory, and of the file whose lock says that a gateway uses it. */
export const databaseFile = 'portcullis.db';
const lockFile = 'portcullis.lock';

/** How long a write waits for another process's lock. Waiting blocks the event loop, so it is short. */
const lockWaitMs = 100;

/**
 * Opens (and creates, and migrates) the SQLite database in `stateDir`, for this process alone. WAL with
 * `synchronous=FULL`: a commit that was acknowledged survives the loss of power, which NORMAL does not promise
 * (https://www.sqlite.org/pragma.html#pragma_synchronous). Throws OperatorError that says what to do when the directory
 * cannot be used, another process uses it, or the database comes from a newer version.
 */
export async function openSqlite(stateDir: string): Promise<Store> {
  await using stack = new AsyncDisposableStack();
  const file = join(stateDir, databaseFile);
  stack.use(lockStateDir(stateDir));
  const { db, sqlite } = openForWriting(file);
  stack.defer(() => db.destroy());
  await migrate(db, `The database ${file}`);
  const read = connect(new SqliteDatabase(file, { readonly: true, timeout: lockWaitMs }));
  stack.defer(() => read.destroy());
  const owned = stack.move();
  return {
    dialect: 'sqlite',
    read,
    transact: createGroupCommit(db, () => sqlite.inTransaction),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Opens an existing database for reading, beside a process that writes it. Throws OperatorError. */
export function openSqliteReadOnly(stateDir: string): { readonly read: Database } & AsyncDisposable {
  const file = join(stateDir, databaseFile);
  let sqlite: SqliteDatabase.Database;
  try {
    sqlite = new SqliteDatabase(file, { readonly: true, fileMustExist: true, timeout: lockWaitMs });
  } catch (error) {
    throw new OperatorError(
      `There is no readable database at ${file}. Give the state directory of a started gateway.`,
      { cause: error },
    );
  }
  const read = connect(sqlite);
  return { read, [Symbol.asyncDispose]: () => read.destroy() };
}

/**
 * Holds the state directory for this process until disposed. The lock is SQLite's own, on a file beside the database:
 * the operating system lifts it when the process ends, however it ends. Throws OperatorError when it is held already.
 */
export function lockStateDir(stateDir: string): Disposable {
  const file = join(stateDir, lockFile);
  const lock = openPrivately(file);
  try {
    lock.pragma('journal_mode = MEMORY');
    lock.exec('begin exclusive');
  } catch (error) {
    lock.close();
    throw new OperatorError(
      `Another Portcullis uses the state directory ${stateDir} (it holds ${lockFile}). Stop that one, or give this one ` +
        'a directory of its own with --state-dir; several instances share a ledger on PostgreSQL (PORTCULLIS_DATABASE_URL).',
      { cause: error },
    );
  }
  return { [Symbol.dispose]: () => void lock.close() };
}

function openForWriting(file: string): { db: Database; sqlite: SqliteDatabase.Database } {
  const sqlite = openPrivately(file);
  try {
    sqlite.pragma('journal_mode = WAL');
    sqlite.pragma('synchronous = FULL');
    sqlite.pragma('foreign_keys = ON');
  } catch (error) {
    sqlite.close();
    throw cannotOpen(file, error);
  }
  return { db: connect(sqlite), sqlite };
}

function openPrivately(file: string): SqliteDatabase.Database {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    // Made before SQLite makes it, so that nobody else can read it; its side files take over the mode.
    closeSync(openSync(file, 'a', 0o600));
    return new SqliteDatabase(file, { timeout: lockWaitMs });
  } catch (error) {
    throw cannotOpen(file, error);
  }
}

function cannotOpen(file: string, error: unknown): OperatorError {
  return new OperatorError(
    `The database ${file} cannot be opened (${(error as Error).message}). ` +
      'Make its directory writable for this user, or name another with --state-dir.',
    { cause: error },
  );
}

/** Kysely over one connection. */
export function connect(sqlite: SqliteDatabase.Database): Database {
  return new Kysely<Schema>({
    dialect: new TransactionalDialect({ database: rememberingStatements(sqlite) }),
  });
}

/** SQLite rolls back changes of the schema like any other, so that a migration that is interrupted leaves nothing. */
class TransactionalDialect extends SqliteDialect {
  override createAdapter(): SqliteAdapter {
    return new TransactionalAdapter();
  }
}

class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

/** Preparing a statement costs as much as running it, and the same few run over and over. */
function rememberingStatements(sqlite: SqliteDatabase.Database): SqliteDialectDatabase {
  const prepared = new LRUCache<string, SqliteDatabase.Statement<unknown[]>>({ max: 200 });
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
