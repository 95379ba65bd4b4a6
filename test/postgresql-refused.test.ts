import assert from 'node:assert/strict';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { OperatorError, Problem } from '../src/errors.ts';
import { describeUrl, openPostgresql, openPostgresqlReadOnly } from '../src/storage/postgresql.ts';
import { add } from './support/counted-rows.ts';
import { startPostgres, withoutPostgres } from './support/postgres.ts';

const password = 'not-secret';

test('a server that may lose commits or takes none is refused at the start, and as soon as it is so later', {
  skip: withoutPostgres(),
}, async (t) => {
  await using server = await startPostgres();
  const url = await server.createDatabase();
  await using store = await openPostgresql(url);
  const standby = join(server.data, 'standby.signal');
  const cases = [
    {
      what: 'fsync',
      settings: { fsync: 'off' },
      said: /may lose commits.*turn fsync and full_page_writes on/,
    },
    { what: 'full_page_writes', settings: { full_page_writes: 'off' }, said: /may lose commits/ },
    {
      what: 'read-only',
      settings: { default_transaction_read_only: 'on' },
      said: /takes no writes.*primary/,
    },
    { what: 'standby', settings: {}, said: /takes no writes.*primary/ },
  ];
  for (const { what, settings, said } of cases) {
    await t.test(what, async () => {
      await server.kill();
      if (what === 'standby') {
        writeFileSync(standby, '');
        chmodSync(standby, 0o666);
      }
      await server.restart(settings);
      await assert.rejects(
        openPostgresql(url),
        (error) => error instanceof OperatorError && said.test(error.message),
      );
      await assert.rejects(
        store.transact((trx) => add(trx, 'x')),
        (error: unknown) =>
          error instanceof Problem &&
          error.code === 'STORE_UNAVAILABLE' &&
          error.cause instanceof OperatorError &&
          said.test(error.cause.message),
      );
      await using reading = await openPostgresqlReadOnly(url);
      await reading.db.selectFrom('operations').selectAll().execute();
    });
  }
  await server.kill();
  rmSync(standby);
  await server.restart();
  await store.transact((trx) => add(trx, 'x'));
});

test('a database that cannot be used is refused with what to do, and never with the password', {
  skip: withoutPostgres(),
}, async () => {
  await using server = await startPostgres();
  const good = new URL(await server.createDatabase());
  assert.equal(good.password, password);
  const { port } = good;
  const urls = [
    [`not a url ${password}`, /cannot be read.*PORTCULLIS_DATABASE_URL/],
    [`postgresql://u:${password}@[::1/x`, /cannot be read/],
    [`mysql://u:${password}@127.0.0.1:${port}/x`, /cannot be read/],
    [`postgresql://u:${password}%zz@127.0.0.1:${port}/x`, /cannot be read.*percent-encoded/],
    [`postgresql://u:${password}@127.0.0.1:1/x`, /127\.0\.0\.1:1\/x cannot be used \(connect ECONNREFUSED/],
    [`postgresql://u:${password}@localhost:1/x`, /cannot be used \(.*ECONNREFUSED/],
    [`postgresql://portcullis:${password}@127.0.0.1:${port}/none`, /database "none" does not exist/],
    [`postgresql://nobody:${password}@127.0.0.1:${port}/postgres`, /role "nobody" does not exist/],
    [`${good.href}?sslmode=verify-full`, /does not support SSL/],
    [`${good.href}?sslrootcert=/nowhere`, /ENOENT/],
  ] as const;
  for (const [url, said] of urls) {
    for (const opening of [openPostgresql, openPostgresqlReadOnly]) {
      await assert.rejects(opening(url), (error: unknown) => {
        assert.ok(error instanceof OperatorError, inspect(error));
        assert.match(error.message, said);
        assert.match(error.message, /PORTCULLIS_DATABASE_URL/);
        assert.ok(!inspect(error, { depth: 9, showHidden: true }).includes(password), inspect(error));
        return true;
      });
    }
  }
  assert.equal(describeUrl(good.href), `${good.host}${good.pathname}`);
});
