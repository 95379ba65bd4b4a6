import { Socket } from 'node:net';
import { callbackify } from 'node:util';
import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { OperatorError } from '../errors.ts';
import { migrate } from './migrate.ts';
import { transact } from './postgresql-transaction.ts';
import type { Schema } from './schema.ts';
import type { Database, Store } from './store.ts';

const connectTimeoutMs = 5_000;
const oldestVersion = 140_000;

/** A commit is answered only when it is durable, whatever the server's default. */
const durable = 'set synchronous_commit = on';
/** Forgotten transactions hold up nobody for long. */
const common = `${durable}; set idle_in_transaction_session_timeout = 30000; set timezone = 'UTC'`;

/** What connections are for. `quietMs`: how long the server may be silent before its connection is given up. */
const purposes = {
  /** More connections would only wait for each other: the intents of all instances take turns. */
  serving: {
    connections: 10,
    writes: true,
    settings: `${common}; set statement_timeout = 10000; set lock_timeout = 5000`,
    // Beyond the statement's limit, within which a server that lives has answered.
    quietMs: 15_000,
  },
  /** Changing a large table takes its time, and so does waiting for the instance that does it. */
  migration: {
    connections: 1,
    writes: true,
    settings: `${common}; set statement_timeout = 0; set lock_timeout = 0`,
    quietMs: 0,
  },
  reading: {
    connections: 1,
    writes: false,
    settings: `${common}; set default_transaction_read_only = on; set statement_timeout = 60000`,
    quietMs: 75_000,
  },
} as const;

type Purpose = (typeof purposes)[keyof typeof purposes];
type Connections = { readonly db: Database } & AsyncDisposable;

/**
 * Opens the PostgreSQL database at `url` for one of several instances, and brings it to this version. Throws
 * OperatorError, which never holds the password, when it cannot be reached, cannot be written, does not make commits
 * durable, or comes from a newer version.
 */
export async function openPostgresql(url: string): Promise<Store> {
  const where = describeUrl(url);
  {
    await using migrating = connect(url, purposes.migration);
    await refuseUnusable(migrating.db, where);
    await migrate(migrating.db, `The database ${where}`);
  }
  const { db, [Symbol.asyncDispose]: dispose } = connect(url, purposes.serving);
  return {
    dialect: 'postgresql',
    read: db,
    transact: (work) => transact(db, work),
    [Symbol.asyncDispose]: dispose,
  };
}

/** Opens it for reading alone, be it a standby, and changes nothing. Throws OperatorError when it cannot be reached. */
export async function openPostgresqlReadOnly(url: string): Promise<Connections> {
  await using stack = new AsyncDisposableStack();
  const { db } = stack.use(connect(url, purposes.reading));
  await refuseUnusable(db, describeUrl(url));
  const owned = stack.move();
  return { db, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Host, port and database of a URL, without user and password. Throws OperatorError when it is none. */
export function describeUrl(url: string): string {
  const { host, pathname, searchParams } = parseUrl(url);
  return `${searchParams.get('host') ?? (host || 'localhost')}${pathname}`;
}

function parseUrl(url: string): URL {
  try {
    const parsed = new URL(url);
    for (const part of [parsed.username, parsed.password, parsed.pathname]) decodeURIComponent(part);
    if (['postgres:', 'postgresql:'].includes(parsed.protocol)) return parsed;
  } catch {
    // Not kept as the cause: it holds the URL, and so the password.
  }
  throw new OperatorError(
    'The database URL cannot be read. Set PORTCULLIS_DATABASE_URL to postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with special characters percent-encoded.',
  );
}

function connect(url: string, purpose: Purpose): Connections {
  const where = describeUrl(url);
  const pool = new pg.Pool({
    connectionString: url,
    max: purpose.connections,
    connectionTimeoutMillis: connectTimeoutMs,
    application_name: 'portcullis',
    keepAlive: true,
    types: { getTypeParser: typeParser as typeof pg.types.getTypeParser },
    // What this fails with, the asker gets; the connection is closed and its place in the pool is free again.
    verify: callbackify((client: pg.PoolClient) => prepare(client, purpose, where)),
  });
  // A connection that breaks while nobody uses it is replaced by the next; unheard, its error would end the process.
  pool.on('error', () => undefined);
  const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
  return { db, [Symbol.asyncDispose]: () => db.destroy() };
}

/** Sets up a new connection, and makes sure of its server: it may be another one than at the start, or set otherwise. */
async function prepare(client: pg.ClientBase, purpose: Purpose, where: string): Promise<void> {
  // While a connection is in use the pool does not listen; who uses it gets the error from its statement.
  client.on('error', () => undefined);
  if (purpose.quietMs > 0) endWhenQuiet(client, purpose.quietMs);
  await client.query(purpose.settings);
  if (purpose.writes) await refuseUnsafeServer(client, where);
}

/** A server or network that hangs would hold its connection for as long as TCP tries, a quarter of an hour and more. */
function endWhenQuiet(client: pg.ClientBase, quietMs: number): void {
  const stream = client instanceof pg.Client ? client.connection.stream : null;
  if (!(stream instanceof Socket)) throw new Error('The driver has no socket.');
  stream.setTimeout(quietMs, () => {
    stream.destroy(new Error(`PostgreSQL did not answer for ${quietMs} ms.`));
  });
}

async function refuseUnsafeServer(client: pg.ClientBase, where: string): Promise<void> {
  const { rows } = await client.query<Record<'version' | 'fsync' | 'pages' | 'readonly' | 'standby', string>>(
    `select current_setting('server_version_num') as version, current_setting('fsync') as fsync,
      current_setting('full_page_writes') as pages, current_setting('default_transaction_read_only') as readonly,
      pg_is_in_recovery()::text as standby`,
  );
  const [server] = rows;
  const refusal =
    server === undefined || Number(server.version) < oldestVersion
      ? 'it is older than PostgreSQL 14: upgrade it'
      : server.fsync !== 'on' || server.pages !== 'on'
        ? 'it may lose commits it has confirmed: turn fsync and full_page_writes on'
        : server.standby !== 'false' || server.readonly !== 'off'
          ? 'it takes no writes: name the primary server in PORTCULLIS_DATABASE_URL'
          : null;
  if (refusal !== null) throw new OperatorError(`The database ${where} is not used: ${refusal}.`);
}

async function refuseUnusable(db: Database, where: string): Promise<void> {
  try {
    await sql`select 1`.execute(db);
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    throw new OperatorError(
      `The database ${where} cannot be used (${reasonOf(error)}). Check PORTCULLIS_DATABASE_URL, and that the server runs and lets this user in.`,
      { cause: error },
    );
  }
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
