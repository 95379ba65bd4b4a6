import { sql } from 'kysely';
import { DEFAULT_MIGRATION_TABLE, Migrator } from 'kysely/migration';
import { OperatorError } from '../errors.ts';
import * as operationsAndAudit from './migrations/0001-operations-and-audit.ts';
import * as recoveryAndBudgets from './migrations/0002-recovery-and-budgets.ts';
import type { Database } from './store.ts';

/** Every migration, in the order they run. Each works on either database. */
export const migrations = {
  '0001-operations-and-audit': operationsAndAudit,
  '0002-recovery-and-budgets': recoveryAndBudgets,
};

/** The migrator of a database; on PostgreSQL it holds an advisory lock, so that instances that start together agree. */
export function createMigrator(db: Database): Migrator {
  return new Migrator({ db, provider: { getMigrations: async () => migrations } });
}

export type MigrationState = {
  applied: string[];
  pending: string[];
  /** Migrations of a newer version, which this one does not know. */
  unknown: string[];
};

/** Which migrations a database has seen. Changes nothing. */
export async function migrationState(db: Database): Promise<MigrationState> {
  const known = Object.keys(migrations);
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some(({ name }) => name === DEFAULT_MIGRATION_TABLE)) {
    return { applied: [], pending: known, unknown: [] };
  }
  const { rows } = await sql<{
    name: string;
  }>`select name from ${sql.table(DEFAULT_MIGRATION_TABLE)} order by name`.execute(db);
  const applied = rows.map(({ name }) => name);
  return {
    applied,
    pending: known.filter((name) => !applied.includes(name)),
    unknown: applied.filter((name) => !known.includes(name)),
  };
}

/**
 * Brings a database to this version. `what` names it in messages, e.g. `The database /var/lib/x.db`. Throws
 * OperatorError, and leaves the database as it was, when a newer version wrote it or a migration fails.
 */
export async function migrate(db: Database, what: string): Promise<void> {
  const { error } = await createMigrator(db).migrateToLatest();
  if (error === undefined) return;
  throw new OperatorError(
    `${what} cannot be brought to this version (${error instanceof Error ? error.message : 'unknown'}). ` +
      'If a newer Portcullis wrote it, run that version; it was left as it was.',
    { cause: error },
  );
}
