import { readStoreSettings, type StoreSettings } from '../config.ts';
import { OperatorError } from '../errors.ts';
import { type LedgerStatus, ledgerStatus } from '../ledger/status.ts';
import { backUp } from '../storage/backup.ts';
import { type MigrationState, migrationState } from '../storage/migrate.ts';
import { describeStore, openStore, openStoreReadOnly } from '../storage/open.ts';
import { storeSize } from '../storage/size.ts';
import type { Database } from '../storage/store.ts';
import { type Command, CommandError, type OptionValues, textOption } from './command.ts';

const options = { config: { type: 'string' }, 'state-dir': { type: 'string' } } as const;
const where = `  --config FILE     the settings of the gateway; environment variables win over it
  --state-dir DIR   the state directory (PORTCULLIS_STATE_DIR, default .portcullis), where there is no
                    PORTCULLIS_DATABASE_URL`;

function settingsOf(
  values: OptionValues,
  environment: Readonly<Record<string, string | undefined>>,
): StoreSettings {
  return readStoreSettings(textOption(values, 'config'), environment, textOption(values, 'state-dir'));
}

/** `portcullis db migrate`: what a gateway does when it starts, by itself. */
export const dbMigrate: Command = {
  name: 'db migrate',
  summary: 'Bring the database to this version.',
  help: `Usage: portcullis db migrate [--config FILE] [--state-dir DIR]

${where}

A gateway does so by itself when it starts. A database from a newer version is refused and left as it was.`,
  options,
  positionals: { min: 0, max: 0 },
  async run(values, _positionals, { environment, stdout }) {
    const settings = settingsOf(values, environment);
    const before = await stateBefore(settings);
    await using store = await openStore(settings);
    const { applied } = await migrationState(store.read);
    const done = applied.filter((name) => !before.applied.includes(name));
    const what = done.length === 0 ? 'was up to date' : `brought up to date by ${done.join(', ')}`;
    stdout(`${await describeStore(settings)}: ${what} (${applied.at(-1)}).`);
  },
};

/** `portcullis db status`: reads the database beside running gateways. */
export const dbStatus: Command = {
  name: 'db status',
  summary: 'Show the version of the database, and what is unfinished in it.',
  help: `Usage: portcullis db status [--config FILE] [--state-dir DIR] [--json]

${where}
  --json            as JSON

Exits 1 when the database cannot be read, waits for a migration or comes from a newer version.`,
  options: { ...options, json: { type: 'boolean' } },
  positionals: { min: 0, max: 0 },
  async run(values, _positionals, { environment, stdout }) {
    const settings = settingsOf(values, environment);
    const location = await describeStore(settings);
    await using store = await openStoreReadOnly(settings);
    const told = await readStatus(store.read, settings, location);
    const { migrations, status, sizeBytes } = told;
    if (values.json === true) stdout(JSON.stringify({ location, sizeBytes, migrations, ...status }));
    else for (const line of statusLines(location, told)) stdout(line);
    if (migrations.unknown.length > 0) {
      throw new CommandError(
        'A newer Portcullis wrote this database. Run that version; this one refuses it.',
      );
    }
    if (migrations.pending.length > 0) {
      throw new CommandError(
        'The database waits for a migration. Run `portcullis db migrate`, or start the gateway.',
      );
    }
  },
};

/** `portcullis db backup`: a consistent copy beside running gateways. */
export const dbBackup: Command = {
  name: 'db backup',
  summary: 'Write a consistent copy of the database to a file, beside running gateways.',
  help: `Usage: portcullis db backup FILE [--config FILE] [--state-dir DIR]

${where}

SQLite: a database that can be put in place of portcullis.db while no gateway runs. PostgreSQL: an archive of
pg_dump, to be restored with pg_restore. An existing FILE is never overwritten.`,
  options,
  positionals: { min: 1, max: 1 },
  async run(values, [file = ''], { environment, stdout }) {
    const settings = settingsOf(values, environment);
    await backUp(settings, file);
    stdout(`${await describeStore(settings)}: copied to ${file}.`);
  },
};

async function stateBefore(settings: StoreSettings): Promise<MigrationState> {
  const nothing: MigrationState = { applied: [], pending: [], unknown: [] };
  try {
    await using store = await openStoreReadOnly(settings);
    return await migrationState(store.read);
  } catch {
    // There is none yet; what is really amiss is told when it is opened for writing.
    return nothing;
  }
}

/** `status` is null where the tables are not those of this version. */
type DatabaseStatus = { sizeBytes: number; migrations: MigrationState; status: LedgerStatus | null };

async function readStatus(db: Database, settings: StoreSettings, location: string): Promise<DatabaseStatus> {
  try {
    const sizeBytes = await storeSize(settings, db);
    const migrations = await migrationState(db);
    const readable = migrations.pending.length === 0 && migrations.unknown.length === 0;
    return { sizeBytes, migrations, status: readable ? await ledgerStatus(db) : null };
  } catch (error) {
    throw new OperatorError(
      `${location} cannot be read (${(error as Error).message}). Check that it is up and lets you in.`,
      {
        cause: error,
      },
    );
  }
}

function statusLines(location: string, { sizeBytes, migrations, status }: DatabaseStatus): string[] {
  const lines = [
    location,
    `  size             ${(sizeBytes / 1_000_000).toFixed(1)} MB`,
    `  migrations       ${migrations.applied.join(', ') || 'none'}`,
    ...(migrations.pending.length > 0 ? [`  pending          ${migrations.pending.join(', ')}`] : []),
    ...(migrations.unknown.length > 0 ? [`  from a newer one ${migrations.unknown.join(', ')}`] : []),
  ];
  if (status === null) return lines;
  const counts = Object.entries(status.operations).filter(([, count]) => count > 0);
  lines.push(
    `  operations       ${counts.map(([state, count]) => `${count} ${state}`).join(', ') || 'none'}`,
  );
  const { oldestUnfinished: oldest } = status;
  if (oldest !== null) {
    lines.push(
      `  oldest open      ${oldest.operationId}, ${oldest.gateway} in ${oldest.regionId}, ${oldest.state} since ${oldest.since}`,
    );
  }
  const attention = status.operations.needs_attention ?? 0;
  lines.push(
    `  needs attention  ${attention === 0 ? 'none' : `${attention} (GET /v1/operations?state=needs_attention)`}`,
    `  deletions        ${status.stopped ? `stopped (${status.stopReason ?? 'no reason given'})` : 'allowed'}`,
  );
  return lines;
}
