import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmodSync, closeSync, existsSync, fsyncSync, linkSync, openSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import type { StoreSettings } from '../config.ts';
import { OperatorError } from '../errors.ts';
import { databaseFile } from './sqlite.ts';

/**
 * Writes a consistent copy of the store to `file`, beside running gateways: SQLite's online backup, checked, or
 * `pg_dump`. The file appears when it is complete and on the disk. Throws OperatorError; an existing file is never
 * touched.
 */
export async function backUp(settings: StoreSettings, file: string): Promise<void> {
  if (existsSync(file)) throw new OperatorError(`${file} exists and is left as it is. Name another file.`);
  const partial = join(dirname(file), `.${randomUUID()}.portcullis-backup`);
  try {
    closeSync(openSync(partial, 'wx', 0o600));
    if (settings.databaseUrl === null) await copySqlite(join(settings.stateDir, databaseFile), partial);
    else await dumpPostgresql(settings.databaseUrl, partial);
    chmodSync(partial, 0o600);
    sync(partial);
    // Unlike a rename, a link never replaces a file that has come up meanwhile.
    linkSync(partial, file);
    sync(dirname(file));
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    throw new OperatorError(
      `The backup ${file} could not be written (${(error as Error).message}). Make its directory writable, with room enough.`,
      { cause: error },
    );
  } finally {
    rmSync(partial, { force: true });
  }
}

const mostPages = 0x7fff_ffff;

async function copySqlite(database: string, to: string): Promise<void> {
  if (!existsSync(database)) {
    throw new OperatorError(
      `There is no database at ${database}. Give the state directory of a started gateway.`,
    );
  }
  const source = new SqliteDatabase(database, { readonly: true, fileMustExist: true });
  try {
    // All pages in one step: a copy in several begins anew whenever a gateway writes in between, and so never ends.
    await source.backup(to, { progress: () => mostPages });
  } finally {
    source.close();
  }
  const copy = new SqliteDatabase(to, { fileMustExist: true });
  try {
    // The copy stands alone: without this it would ask for the side files of a write-ahead log.
    copy.pragma('journal_mode = DELETE');
    const found = copy.pragma('integrity_check', { simple: true });
    if (found !== 'ok')
      throw new OperatorError(`The copy is damaged (${String(found)}). Check the disk, and the database.`);
  } finally {
    copy.close();
  }
}

async function dumpPostgresql(url: string, to: string): Promise<void> {
  const { libpqEnvironment } = await import('./libpq-environment.ts');
  const dump = spawn('pg_dump', ['--format=custom', '--no-password', '--file', to], {
    // Arguments can be read by every user of the machine; the environment cannot.
    env: { ...process.env, ...libpqEnvironment(url) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  dump.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2_000);
  });
  await new Promise<void>((resolve, reject) => {
    dump.once('error', (error) =>
      reject(
        new OperatorError(
          'pg_dump cannot be run. Install the PostgreSQL client of the server’s version (Debian: apt-get install postgresql-client) and put it on PATH.',
          { cause: error },
        ),
      ),
    );
    dump.once('close', (code) => {
      if (code === 0) resolve();
      else
        reject(
          new OperatorError(`pg_dump failed (${said.trim() || `exit code ${code}`}). Nothing was kept.`),
        );
    });
  });
}

function sync(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
