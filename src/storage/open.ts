import { openSqlite } from './sqlite.ts';
import type { Store } from './store.ts';

/** Opens the store of the settings: PostgreSQL when there is a URL, else SQLite in the state directory. */
export async function openStore(settings: { databaseUrl: string | null; stateDir: string }): Promise<Store> {
  if (settings.databaseUrl === null) return openSqlite(settings.stateDir);
  // Most gateways never need the driver, and start faster without it.
  const { openPostgresql } = await import('./postgresql.ts');
  return openPostgresql(settings.databaseUrl);
}
