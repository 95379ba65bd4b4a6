import type { StoreSettings } from '../config.ts';
import { openSqlite, openSqliteReadOnly } from './sqlite.ts';
import type { Database, Store } from './store.ts';

/** Opens the store of the settings: PostgreSQL when there is a URL, else SQLite in the state directory. */
export async function openStore(settings: StoreSettings): Promise<Store> {
  if (settings.databaseUrl === null) return openSqlite(settings.stateDir);
  // Most gateways never need the driver, and start faster without it.
  const { openPostgresql } = await import('./postgresql.ts');
  return openPostgresql(settings.databaseUrl);
}

/** Opens the store for reading beside running gateways; changes nothing of it, not even its version. */
export async function openStoreReadOnly(
  settings: StoreSettings,
): Promise<{ readonly read: Database } & AsyncDisposable> {
  if (settings.databaseUrl === null) return openSqliteReadOnly(settings.stateDir);
  const { openPostgresqlReadOnly } = await import('./postgresql.ts');
  const { db, [Symbol.asyncDispose]: dispose } = await openPostgresqlReadOnly(settings.databaseUrl);
  return { read: db, [Symbol.asyncDispose]: dispose };
}

/** Where the store is, without secrets. */
export async function describeStore({ databaseUrl, stateDir }: StoreSettings): Promise<string> {
  if (databaseUrl === null) return `SQLite in ${stateDir}`;
  const { describeUrl } = await import('./postgresql.ts');
  return `PostgreSQL at ${describeUrl(databaseUrl)}`;
}
