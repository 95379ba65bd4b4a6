import { statSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'kysely';
import type { StoreSettings } from '../config.ts';
import { databaseFile } from './sqlite.ts';
import type { Database } from './store.ts';

/** How much the store takes up on the disk, in bytes; with SQLite, its write-ahead log included. */
export async function storeSize(settings: StoreSettings, db: Database): Promise<number> {
  if (settings.databaseUrl === null) {
    const files = [databaseFile, `${databaseFile}-wal`].map((name) => join(settings.stateDir, name));
    return files.reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
  }
  const { rows } = await sql<{
    size: number;
  }>`select pg_database_size(current_database()) as size`.execute(db);
  return rows[0]?.size ?? 0;
}
