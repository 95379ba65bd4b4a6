import assert from 'node:assert/strict';
import { type AddressInfo, connect, createServer } from 'node:net';
import { test } from 'node:test';
import { sql } from 'kysely';
import { Problem } from '../src/errors.ts';
import { openPostgresql } from '../src/storage/postgresql.ts';
import { CommitUncertain, type InTransaction } from '../src/storage/store.ts';
import { startPostgres, withoutPostgres } from './support/postgres.ts';

const skip = { skip: withoutPostgres() };
const count = (trx: InTransaction) =>
  trx
    .insertInto('budget_usage')
    .values({ scope: 'x', key: '', minute: 1, used: 1 })
    .onConflict((conflict) =>
      conflict
        .columns(['scope', 'key', 'minute'])
        .doUpdateSet((eb) => ({ used: eb('budget_usage.used', '+', 1) })),
    )
    .execute();

/** Passes everything on, until it is told to keep the answer to the next commit to itself and to hang up. */
async function startProxy(port: number) {
  let losing = false;
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    let lost = false;
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    client.on('data', (chunk) => {
      if (losing && /\bcommit\b/i.test(chunk.toString('latin1'))) {
        losing = false;
        lost = true;
      }
      upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      if (lost) end();
      else client.write(chunk);
    });
    for (const socket of [client, upstream]) socket.on('error', end).on('close', end);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    loseNextCommit: () => {
      losing = true;
    },
    [Symbol.dispose]: () => void server.close(),
  };
}

test('a commit whose answer is lost is neither done nor undone, and is said to be so', skip, async () => {
  await using server = await startPostgres();
  const url = new URL(await server.createDatabase());
  using proxy = await startProxy(Number(url.port));
  url.port = String(proxy.port);
  await using store = await openPostgresql(url.href);
  await store.transact(count);
  proxy.loseNextCommit();
  await assert.rejects(store.transact(count), (error: unknown) => {
    assert.ok(error instanceof Problem && error.cause instanceof CommitUncertain, String(error));
    assert.match(error.detail, /may be recorded all the same/);
    return error.code === 'STORE_UNAVAILABLE';
  });
  const read = () => store.read.selectFrom('budget_usage').select('used').executeTakeFirstOrThrow();
  assert.deepEqual(await read(), { used: 2 }, 'the server had it');
  await store.transact(count);
  assert.deepEqual(await read(), { used: 3 }, 'and the store goes on');
});

test('what fails before its commit is certainly undone, whatever ended it', skip, async () => {
  await using server = await startPostgres();
  await using store = await openPostgresql(await server.createDatabase());
  const failing: readonly [string, (trx: InTransaction) => Promise<unknown>][] = [
    ['a statement that is refused', (trx) => sql`select 1 / 0`.execute(trx)],
    ['a connection that is ended', (trx) => sql`select pg_terminate_backend(pg_backend_pid())`.execute(trx)],
    ['a defect', () => Promise.reject(new Error('defect'))],
  ];
  for (const [what, fail] of failing) {
    await assert.rejects(
      store.transact(async (trx) => {
        await count(trx);
        await fail(trx);
      }),
      (error: unknown) =>
        error instanceof Problem &&
        error.code === 'STORE_UNAVAILABLE' &&
        !(error.cause instanceof CommitUncertain),
      what,
    );
  }
  assert.deepEqual(await store.read.selectFrom('budget_usage').selectAll().execute(), []);
  // More than the pool has connections: none of the failures above kept one.
  for (let turn = 0; turn < 12; turn += 1) {
    await assert.rejects(store.transact(() => Promise.reject(new Error('again'))));
  }
  await Promise.all(Array.from({ length: 12 }, () => store.transact(count)));
});
