import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sql } from 'kysely';
import { openPostgresql, openPostgresqlReadOnly } from '../src/storage/postgresql.ts';
import type { InTransaction, Store } from '../src/storage/store.ts';
import { add, meeting, used } from './support/counted-rows.ts';
import { type PostgresServer, runSql, startPostgres, withoutPostgres } from './support/postgres.ts';

describe('a store on PostgreSQL', { skip: withoutPostgres() }, () => {
  let server: PostgresServer;
  before(async () => {
    server = await startPostgres();
  });
  after(() => server[Symbol.asyncDispose]());

  test('every connection makes commits durable, whatever server, database and URL say', async () => {
    const url = new URL(await server.createDatabase());
    await runSql(url.href, `alter database ${url.pathname.slice(1)} set synchronous_commit = off`);
    url.searchParams.set('options', '-c synchronous_commit=off -c statement_timeout=0');
    await using store = await openPostgresql(url.href);
    const seen = new Set<number>();
    const all = meeting(8);
    await Promise.all(
      Array.from({ length: 8 }, () =>
        store.transact(async (trx) => {
          const row = await settingsOf(trx);
          seen.add(row.pid);
          await all();
          assert.deepEqual([row.commit, row.statement, row.lock, row.zone], ['on', '10s', '5s', 'UTC']);
        }),
      ),
    );
    assert.equal(seen.size, 8, 'connections of their own');
  });

  test('64-bit integers are numbers, and none is rounded', async () => {
    await using store = await openPostgresql(await server.createDatabase());
    const most = Number.MAX_SAFE_INTEGER;
    const { rows } = await sql`select ${most}::bigint as most, count(*) as count from operations`.execute(
      store.read,
    );
    assert.deepEqual(rows, [{ most, count: 0 }]);
    await assert.rejects(sql`select 9007199254740993 as beyond`.execute(store.read), /no safe integer/);
  });

  test('instances that start together migrate once', async () => {
    const url = await server.createDatabase();
    const stores = await Promise.all(Array.from({ length: 8 }, () => openPostgresql(url)));
    await Promise.all(stores.map((store) => store.transact((trx) => add(trx, 'x'))));
    assert.deepEqual(await used(stores[0] as Store), { x: 8 });
    await Promise.all(stores.map((store) => store[Symbol.asyncDispose]()));
  });

  test('a database from a newer version is refused, and left as it was', async () => {
    const url = await server.createDatabase();
    await (await openPostgresql(url))[Symbol.asyncDispose]();
    await runSql(url, `insert into kysely_migration values ('9999-from-the-future', '2030-01-01')`);
    const everything = () =>
      Promise.all([
        runSql(url, 'select * from kysely_migration order by name'),
        runSql(
          url,
          "select oid, relname, xmin from pg_class where relnamespace = 'public'::regnamespace order by oid",
        ),
      ]);
    const asItWas = await everything();
    await assert.rejects(openPostgresql(url), /newer Portcullis/);
    assert.deepEqual(await everything(), asItWas);
  });

  test('for reading nothing can be written', async () => {
    const url = await server.createDatabase();
    await (await openPostgresql(url))[Symbol.asyncDispose]();
    await using reading = await openPostgresqlReadOnly(url);
    await assert.rejects(reading.db.deleteFrom('budget_usage').execute(), /read-only transaction/);
  });
});

async function settingsOf(trx: InTransaction) {
  const { rows } = await sql<Record<'commit' | 'statement' | 'lock' | 'zone', string> & { pid: number }>`
    select current_setting('synchronous_commit') as commit, current_setting('statement_timeout') as statement,
      current_setting('lock_timeout') as lock, current_setting('timezone') as zone, pg_backend_pid() as pid`.execute(
    trx,
  );
  const [row] = rows;
  assert.ok(row !== undefined);
  return row;
}
