import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import SqliteDatabase from 'better-sqlite3';
import { backUp } from '../src/storage/backup.ts';
import { databaseFile, openSqlite } from '../src/storage/sqlite.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

test('a backup comes to its end though something is written at every turn', async () => {
  using directory = temporaryDirectory();
  await (await openSqlite(directory.path))[Symbol.asyncDispose]();
  const busy = new SqliteDatabase(join(directory.path, databaseFile));
  busy.pragma('synchronous = OFF');
  busy.exec('create table filler (text text)');
  const insert = busy.prepare('insert into filler values (?)');
  busy.transaction(() => {
    for (let row = 0; row < 1_000; row += 1) insert.run('x'.repeat(2_000));
  })();
  const copy = join(directory.path, 'copy.db');
  let done = false;
  const backup = backUp({ databaseUrl: null, stateDir: directory.path }, copy).finally(() => {
    done = true;
  });
  // Hundreds of times the turns that copying takes when nothing is written.
  for (let turn = 0; turn < 3_000 && !done; turn += 1) {
    insert.run('y');
    await nextTurn();
  }
  assert.ok(done, 'the backup has begun anew all the time');
  await backup;
  busy.close();
  const copied = new SqliteDatabase(copy, { readonly: true });
  assert.equal(copied.pragma('integrity_check', { simple: true }), 'ok');
  copied.close();
  assert.deepEqual(
    readdirSync(directory.path).filter((name) => name.includes('portcullis-backup')),
    [],
  );
});
