import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sql } from 'kysely';
import { openPostgresql } from '../src/storage/postgresql.ts';
import type { InTransaction } from '../src/storage/store.ts';
import { add, isUnavailable, meeting, used } from './support/counted-rows.ts';
import { type PostgresServer, runSql, startPostgres, withoutPostgres } from './support/postgres.ts';
import { startProxy } from './support/postgres-proxy.ts';

describe('transactions on PostgreSQL', { skip: withoutPostgres() }, () => {
  let server: PostgresServer;
  before(async () => {
    server = await startPostgres();
  });
  after(() => server[Symbol.asyncDispose]());

  test('of two that wait for each other one runs again, and both are done', async () => {
    await using store = await openPostgresql(await server.createDatabase());
    for (const key of ['a', 'b']) await store.transact((trx) => add(trx, key));
    const both = meeting(2);
    let runs = 0;
    const work = (first: string, second: string) => {
      let met = false;
      return store.transact(async (trx) => {
        runs += 1;
        await add(trx, first);
        if (!met) {
          met = true;
          await both();
        }
        await add(trx, second);
      });
    };
    await Promise.all([work('a', 'b'), work('b', 'a')]);
    assert.equal(runs, 3);
    assert.deepEqual(await used(store), { a: 3, b: 3 });
  });

  test('a commit that the server refuses is certainly none', async () => {
    const url = await server.createDatabase();
    await using store = await openPostgresql(url);
    await runSql(url, 'create table once (n int unique deferrable initially deferred)');
    const refused: readonly [string, (trx: InTransaction) => Promise<unknown>][] = [
      [
        'a constraint that is checked at the end',
        (trx) => sql`insert into once values (1), (1)`.execute(trx),
      ],
      [
        'a failed statement that was passed over',
        (trx) => sql`select 1 / 0`.execute(trx).catch(() => undefined),
      ],
    ];
    for (const [what, spoil] of refused) {
      const work = async (trx: InTransaction) => {
        await add(trx, 'x');
        await spoil(trx);
      };
      await assert.rejects(store.transact(work), isUnavailable({ uncertain: false }), what);
    }
    assert.deepEqual(await used(store), {});
  });

  test('a server that ends while it commits leaves it uncertain: it may be done', async () => {
    await using own = await startPostgres();
    const url = await own.createDatabase();
    await using store = await openPostgresql(url);
    await store.transact((trx) => add(trx, 'x'));
    // A commit is then on the server's own disk at once, and confirmed by a standby that never comes.
    await runSql(url, "alter system set synchronous_standby_names = 'nobody'");
    await runSql(url, 'select pg_reload_conf()');
    const committing = assert.rejects(
      store.transact((trx) => add(trx, 'x')),
      isUnavailable({ uncertain: true }),
    );
    const waiting = "from pg_stat_activity where wait_event = 'SyncRep'";
    await untilSome(url, `select 1 ${waiting}`);
    await runSql(url, `select pg_terminate_backend(pid) ${waiting}`);
    await committing;
    assert.deepEqual(await used(store), { x: 2 });
  });

  test('connections that break while they are set up leave no gap in the pool', async () => {
    const url = new URL(await server.createDatabase());
    await using proxy = await startProxy(Number(url.port));
    url.port = String(proxy.port);
    await using store = await openPostgresql(url.href);
    proxy.cutAll();
    proxy.cutFirstQueries(true);
    // More than the pool has places.
    for (let turn = 0; turn < 12; turn += 1) {
      await assert.rejects(
        store.transact((trx) => add(trx, 'x')),
        isUnavailable({ uncertain: false }),
      );
    }
    proxy.cutFirstQueries(false);
    await Promise.all(Array.from({ length: 12 }, () => store.transact((trx) => add(trx, 'x'))));
    assert.deepEqual(await used(store), { x: 12 });
  });
});

async function untilSome(url: string, query: string): Promise<void> {
  while ((await runSql(url, query)).length === 0);
}
