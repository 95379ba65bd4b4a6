import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import SqliteDatabase from 'better-sqlite3';
import { sql } from 'kysely';
import { databaseFile, openSqlite } from '../src/storage/sqlite.ts';
import { runCommand } from './support/command-line.ts';
import { startTestGateway } from './support/gateway.ts';
import { type PostgresServer, runSql, startPostgres, withoutPostgres } from './support/postgres.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

let server: Promise<PostgresServer> | null = null;
after(async () => {
  if (server !== null) await (await server)[Symbol.asyncDispose]();
});
const createDatabase = async () => {
  server ??= startPostgres();
  return (await server).createDatabase();
};

const future = `insert into kysely_migration (name, timestamp) values ('9999-from-the-future', '2030-01-01')`;

test('status and backup read the database of a running gateway', async () => {
  await using portcullis = await startTestGateway();
  const answer = await portcullis.remove('vpn-demodeletable1');
  const { operationId } = answer.body;
  const at = ['--state-dir', portcullis.stateDir];
  const status = await runCommand(['db', 'status', ...at]);
  assert.equal(status.exitCode, 0, status.stderr);
  assert.match(status.stdout, /0001-operations-and-audit, 0002-recovery-and-budgets/);
  assert.ok(status.stdout.includes(operationId), status.stdout);
  const told = JSON.parse((await runCommand(['db', 'status', '--json', ...at])).stdout);
  assert.deepEqual([told.operations, told.stopped], [{ accepted: 1 }, false]);
  assert.ok(told.sizeBytes > 10_000, String(told.sizeBytes));

  const copy = join(portcullis.stateDir, 'copy.db');
  const backup = await runCommand(['db', 'backup', copy, ...at]);
  assert.equal(backup.exitCode, 0, backup.stderr);
  assert.equal(statSync(copy).mode & 0o777, 0o600);
  using copied = open(copy);
  assert.deepEqual(copied.db.prepare('select operation_id from operations').all(), [
    { operation_id: operationId },
  ]);

  using restored = temporaryDirectory();
  copyFileSync(copy, join(restored.path, databaseFile));
  const afterwards = await runCommand(['db', 'status', '--state-dir', restored.path]);
  assert.equal(afterwards.exitCode, 0, afterwards.stderr);
  assert.ok(afterwards.stdout.includes(operationId), afterwards.stdout);

  const again = await runCommand(['db', 'backup', copy, ...at]);
  assert.equal(again.exitCode, 1);
  assert.match(again.stderr, /exists and is left as it is/);
});

test('a second process on the same state directory is told so, and changes nothing', async () => {
  await using portcullis = await startTestGateway();
  const refused = await runCommand(['db', 'migrate', '--state-dir', portcullis.stateDir]);
  assert.equal(refused.exitCode, 1);
  assert.match(
    refused.stderr,
    /Another Portcullis uses the state directory .*--state-dir.*PORTCULLIS_DATABASE_URL/s,
  );
  assert.equal((await portcullis.remove('vpn-demodeletable1')).status, 200, 'the first one goes on');
});

test('migrate makes the database, and says that there is nothing to do the next time', async () => {
  using directory = temporaryDirectory();
  const at = ['--state-dir', directory.path];
  assert.match((await runCommand(['db', 'migrate', ...at])).stdout, /brought up to date by 0001-.*, 0002-/);
  assert.match((await runCommand(['db', 'migrate', ...at])).stdout, /was up to date/);
});

test('a database that waits for a migration is told by status, and left as it was', async () => {
  using directory = temporaryDirectory();
  await (await openSqlite(directory.path))[Symbol.asyncDispose]();
  {
    using opened = open(join(directory.path, databaseFile));
    opened.db.exec(`delete from kysely_migration where name like '0002%'`);
  }
  const status = await runCommand(['db', 'status', '--state-dir', directory.path]);
  assert.equal(status.exitCode, 1);
  assert.match(status.stderr, /portcullis db migrate/);
});

test('there is nothing to read where no gateway has ever been', async () => {
  using directory = temporaryDirectory();
  for (const command of [
    ['db', 'status'],
    ['db', 'backup', join(directory.path, 'b')],
  ]) {
    const refused = await runCommand([...command, '--state-dir', join(directory.path, 'none')]);
    assert.equal(refused.exitCode, 1);
    assert.match(refused.stderr, /^portcullis: There is no (readable )?database at /);
  }
});

test('SQLite: a database from a newer version is refused, and left as it was', async () => {
  using directory = temporaryDirectory();
  {
    await using store = await openSqlite(directory.path);
    await store.transact((trx) => sql.raw(future).execute(trx));
  }
  const at = ['--state-dir', directory.path];
  for (const command of [
    ['db', 'status'],
    ['db', 'migrate'],
  ]) {
    const refused = await runCommand([...command, ...at]);
    assert.equal(refused.exitCode, 1);
    assert.match(refused.stderr, /newer Portcullis/);
  }
});

test('PostgreSQL: migrate, status, backup, audit list; a newer one is refused', {
  skip: withoutPostgres(),
}, async () => {
  const url = await createDatabase();
  const run = (...args: string[]) => runCommand(args, { environment: { PORTCULLIS_DATABASE_URL: url } });
  const pending = await run('db', 'status');
  assert.equal(pending.exitCode, 1);
  assert.match(pending.stderr, /db migrate/);
  assert.match(
    (await run('db', 'migrate')).stdout,
    /PostgreSQL at 127\.0\.0\.1:\d+\/test_.*brought up to date/,
  );

  using directory = temporaryDirectory();
  await using portcullis = await startTestGateway({ database: { url } });
  const { operationId } = (await portcullis.remove('vpn-demodeletable1')).body;
  const status = await run('db', 'status');
  assert.equal(status.exitCode, 0, status.stderr);
  assert.ok(status.stdout.includes(operationId));
  assert.match((await run('audit', 'list')).stdout, new RegExp(operationId));

  const copy = join(directory.path, 'copy.dump');
  const backup = await run('db', 'backup', copy);
  assert.equal(backup.exitCode, 0, backup.stderr);
  assert.equal(statSync(copy).mode & 0o777, 0o600);
  const restored = await createDatabase();
  execFileSync('pg_restore', ['--dbname', restored, '--exit-on-error', copy], { stdio: 'pipe' });
  const afterwards = await runCommand(['db', 'status'], {
    environment: { PORTCULLIS_DATABASE_URL: restored },
  });
  assert.equal(afterwards.exitCode, 0, afterwards.stderr);
  assert.ok(afterwards.stdout.includes(operationId), afterwards.stdout);

  const noProgram = await runCommand(['db', 'backup', join(directory.path, 'none.dump')], {
    environment: { PORTCULLIS_DATABASE_URL: url, PATH: directory.path },
  });
  assert.equal(noProgram.exitCode, 1);
  assert.match(noProgram.stderr, /pg_dump cannot be run\. Install/);
  assert.deepEqual(readdirSync(directory.path), ['copy.dump'], 'nothing is left behind');
  for (const { stdout, stderr } of [status, backup, pending])
    assert.doesNotMatch(stdout + stderr, /not-secret/);

  await runSql(url, future);
  const refused = await run('db', 'migrate');
  assert.equal(refused.exitCode, 1);
  assert.match(refused.stderr, /newer Portcullis/);
  assert.doesNotMatch(refused.stderr, /not-secret/);
});

function open(file: string): { db: SqliteDatabase.Database } & Disposable {
  const db = new SqliteDatabase(file);
  return { db, [Symbol.dispose]: () => void db.close() };
}
