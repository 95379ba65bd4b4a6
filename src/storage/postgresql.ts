import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { OperatorError, Problem } from '../errors.ts';
import { migrate } from './migrate.ts';
import type { Schema } from './schema.ts';
import { CommitUncertain, type Database, type InTransaction, type Store, storeUnavailable } from './store.ts';

/** More would only wait for each other: the intents of all instances take turns. */
const connections = 10;
const connectTimeoutMs = 5_000;
const oldestVersion = 140_000;

/**
 * What every connection is set to. A commit is answered only when it is durable, whatever the server's default; and
 * no statement, lock or forgotten transaction holds up the others for long.
 */
const sessionSettings = [
  'set synchronous_commit = on',
  'set statement_timeout = 10000',
  'set lock_timeout = 5000',
  'set idle_in_transaction_session_timeout = 30000',
  "set timezone = 'UTC'",
].join('; ');

/** Serialization failures and deadlocks: the transaction was rolled back, and may simply be run again. */
const retryableCodes = new Set(['40001', '40P01']);
const mostAttempts = 4;

/**
 * Opens the PostgreSQL database at `url` for one of several instances, and brings it to this version. Throws
 * OperatorError, which never holds the password, when it cannot be reached, cannot be written, does not make commits
 * durable, or comes from a newer version.
 */
export async function openPostgresql(url: string): Promise<Store> {
  await using stack = new AsyncDisposableStack();
  const where = describeUrl(url);
  const { db } = stack.use(connectPostgresql(url));
  await refuseUnsafeServer(db, where);
  await migrate(db, `The database ${where}`);
  const owned = stack.move();
  return {
    dialect: 'postgresql',
    read: db,
    transact: (work) => transact(db, work),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** A pool of connections, none of them opened yet. Throws OperatorError when the URL is none. */
export function connectPostgresql(url: string): { readonly db: Database } & AsyncDisposable {
  const pool = new pg.Pool({
    connectionString: url,
    max: connections,
    connectionTimeoutMillis: connectTimeoutMs,
    application_name: 'portcullis',
    keepAlive: true,
    types: { getTypeParser: typeParser as typeof pg.types.getTypeParser },
  });
  // A connection that breaks while nobody uses it is replaced by the next; unheard, its error would end the process.
  pool.on('error', () => undefined);
  // So would that of one that is in use; whoever uses it is told by its statement.
  pool.on('connect', (client) => void client.on('error', () => undefined));
  const db = new Kysely<Schema>({
    dialect: new PostgresDialect({
      pool,
      async onCreateConnection(connection) {
        await connection.executeQuery(sql.raw(sessionSettings).compile(db));
      },
    }),
  });
  return { db, [Symbol.asyncDispose]: () => db.destroy() };
}

/** Host, port and database of a URL, without user and password. Throws OperatorError when it is none. */
export function describeUrl(url: string): string {
  if (!URL.canParse(url)) {
    throw new OperatorError(
      'The database URL cannot be read. Set PORTCULLIS_DATABASE_URL to postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with special characters percent-encoded.',
    );
  }
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
}

async function refuseUnsafeServer(db: Database, where: string): Promise<void> {
  const { rows } = await sql<{
    version: string;
    fsync: string;
    pages: string;
    standby: boolean;
    readonly: string;
  }>`
    select current_setting('server_version_num') as version, current_setting('fsync') as fsync,
      current_setting('full_page_writes') as pages, pg_is_in_recovery() as standby,
      current_setting('default_transaction_read_only') as readonly`
    .execute(db)
    .catch((error: unknown) => {
      throw new OperatorError(
        `The database ${where} cannot be used (${reasonOf(error)}). Check PORTCULLIS_DATABASE_URL, and that the server runs and lets this user in.`,
        { cause: error },
      );
    });
  const [server] = rows;
  const refusal =
    server === undefined || Number(server.version) < oldestVersion
      ? 'it is older than PostgreSQL 14: upgrade it'
      : server.fsync !== 'on' || server.pages !== 'on'
        ? 'it may lose commits it has confirmed: turn fsync and full_page_writes on'
        : server.standby || server.readonly === 'on'
          ? 'it takes no writes: name the primary server in PORTCULLIS_DATABASE_URL'
          : null;
  if (refusal !== null) throw new OperatorError(`The database ${where} is not used: ${refusal}.`);
}

async function transact<T>(db: Database, work: (trx: InTransaction) => Promise<T>): Promise<T> {
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
  let value: T;
  try {
    value = await work(trx);
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
    // Only this gives the connection free again.
    await trx
      .rollback()
      .execute()
      .catch(() => undefined);
    // An error that the server itself worded says that it did not commit; without one nobody knows.
    throw codeOf(error) === '' || isShutdown(codeOf(error)) ? new CommitUncertain(error) : error;
  }
  return value;
}

/** Class 57P: the server ended the connection, perhaps after the commit. */
function isShutdown(code: string): boolean {
  return code.startsWith('57P') || code.startsWith('08');
}

/** The five-character SQLSTATE of an error that the server sent; empty for any other. */
function codeOf(error: unknown): string {
  const code = error instanceof pg.DatabaseError ? error.code : undefined;
  return code ?? '';
}

/** Words of the server or the system, which name users and hosts but never a password. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  return error.message !== '' ? error.message : ((error as NodeJS.ErrnoException).code ?? error.name);
}

/** 64-bit integers are times and counts here, all of them far below 2^53. */
function typeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  if (oid === pg.types.builtins.INT8 && format !== 'binary') return readInteger;
  return pg.types.getTypeParser(oid, format as 'text') as (value: string) => unknown;
}

function readInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new Error(`${text} is no safe integer.`);
  return value;
}
