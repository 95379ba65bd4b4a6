import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import SqliteDatabase from 'better-sqlite3';
import type { Response } from 'supertest';
import { databaseFile } from '../src/storage/sqlite.ts';
import { auditor, operator, startTestGateway, type TestGateway } from './support/gateway.ts';
import {
  auditRecords,
  calls,
  deletions,
  finishDeletion,
  operationIn,
  readOperation,
  until,
} from './support/observe.ts';

const gateway = 'vpn-demodeletable1';

type Trouble = {
  name: string;
  begin: (db: SqliteDatabase.Database) => void;
  end: (db: SqliteDatabase.Database) => void;
};

const locked: Trouble = {
  name: 'another process holds the lock',
  begin: (db) => void db.exec('begin immediate'),
  end: (db) => void db.exec('rollback'),
};

/** The store refuses these writes, as a full disk would. */
function refusing(name: string, event: string, when = '1'): Trouble {
  return {
    name,
    begin: (db) =>
      void db.exec(
        `create trigger trouble before ${event} when ${when} begin select raise(abort, 'disk full'); end`,
      ),
    end: (db) => void db.exec('drop trigger trouble'),
  };
}

const noRecords = refusing('no audit record can be written', 'insert on audit_records');
const gone: Trouble = {
  name: 'a table is gone',
  begin: (db) => void db.exec('alter table operations rename to elsewhere'),
  end: (db) => void db.exec('alter table elsewhere rename to operations'),
};

for (const { name, begin, end } of [
  locked,
  noRecords,
  gone,
  refusing('no intent can be written', 'insert on operations'),
  refusing('no allowance can be recorded', 'insert on audit_records', "new.result = 'allowed'"),
]) {
  test(`${name} before the intent: 503, and no deletion is sent`, async () => {
    await using portcullis = await startTestGateway();
    const { cloud } = portcullis;
    using db = open(portcullis);
    // The trouble begins in the midst of the request, when its facts are being read.
    cloud.faults.add({ kind: 'latency', action: 'DescribeVpnConnections', ms: 300 });
    const asking = portcullis.remove(gateway);
    await until(() => calls(cloud, 'GetCallerIdentity') === 1);
    begin(db.connection);
    const answer = await asking;
    assertUnavailable(answer);
    assert.equal(answer.body.operationId, undefined);
    assert.equal(calls(cloud, 'DescribeVpnGateway'), 1, 'it got as far as the facts');
    assert.deepEqual(deletions(cloud), []);

    end(db.connection);
    assert.equal(db.connection.prepare('select count(*) as n from operations').pluck().get(), 0);
    const again = await portcullis.remove(gateway);
    assert.deepEqual([again.status, again.body.state], [200, 'accepted'], 'nothing was left behind');
    assert.equal(cloud.journal.effects().length, 1);
  });
}

for (const { name, begin, end } of [
  locked,
  refusing('the operation cannot be changed', 'update on operations'),
  refusing('no outcome can be recorded', 'insert on audit_records', "new.kind = 'outcome'"),
]) {
  test(`${name} when the outcome is to be recorded: 503 with the operation, followed to its end`, async () => {
    await using portcullis = await startTestGateway({
      recovery: { intervalMs: 100, lookEveryMs: 100 },
      cloud: { readTimeoutMs: 500 },
      ledger: { leaseMs: 6_500 },
      limits: { requestsPerMinute: 100_000 },
    });
    const { cloud } = portcullis;
    using db = open(portcullis);
    cloud.faults.add({ kind: 'latency', action: 'DeleteEnhancedVpnGateway', ms: 400 });
    const asking = portcullis.remove(gateway, { headers: { 'Idempotency-Key': 'k' } });
    await until(() => db.connection.prepare('select 1 from operations').get() !== undefined);
    begin(db.connection);
    const answer = await asking;
    assertUnavailable(answer);
    const { operationId } = answer.body;
    assert.equal(answer.headers.location, `/v1/operations/${operationId}`);
    assert.match(answer.body.detail, /Do not send it again/);
    assert.doesNotMatch(answer.body.detail, /[Nn]othing (was|is) deleted/);
    assert.equal(cloud.journal.effects().length, 1);

    end(db.connection);
    const again = await portcullis.remove(gateway);
    assert.ok(again.status === 409 || again.status === 403, 'another one is not begun');
    finishDeletion(cloud, gateway);
    await operationIn(portcullis, operationId, 'gone');
    assert.equal(deletions(cloud).length, 1, 'followed by looking alone');
    const records = await auditRecords(portcullis, `operationId=${operationId}&limit=1000`);
    assert.deepEqual(
      records.filter(({ kind }) => kind !== 'read').map(({ stage, result }) => [stage, result]),
      [
        ['intent', 'allowed'],
        ['recovery', 'gone'],
      ],
    );
    const replayed = await portcullis.remove(gateway, { headers: { 'Idempotency-Key': 'k' } });
    assert.deepEqual([replayed.status, replayed.body.state], [200, 'gone']);
  });
}

test('what cannot be recorded is not answered: no refusal, no reading, no question', async () => {
  await using portcullis = await startTestGateway();
  const { cloud } = portcullis;
  using db = open(portcullis);
  const begun = await portcullis.remove('vpn-demodeletable2', { headers: { 'Idempotency-Key': 'k' } });
  cloud.journal.clear();
  const Authorization = `Bearer ${await portcullis.token(operator)}`;
  const path = '/v1/regions/cn-hangzhou/enhanced-vpn-gateways';
  const asks: readonly [string, () => Promise<Response>][] = [
    ['a refusal at admission', () => portcullis.remove('vpn-demoprotected1')],
    ['a caller without permission', () => portcullis.remove(gateway, { caller: { ...operator, roles: [] } })],
    ['a refusal after the facts', () => portcullis.remove('vpn-democonnected1')],
    ['no such gateway', () => portcullis.remove('vpn-demonowhere1')],
    ['validateOnly', () => portcullis.remove(gateway, { query: '?validateOnly=true' })],
    ['a replay', () => portcullis.remove('vpn-demodeletable2', { headers: { 'Idempotency-Key': 'k' } })],
    [
      'another gateway under the key',
      () => portcullis.remove(gateway, { headers: { 'Idempotency-Key': 'k' } }),
    ],
    ['a malformed request', () => portcullis.send('delete', `${path}/vpn-A`, { Authorization })],
    ['no token', () => portcullis.send('delete', `${path}/${gateway}`)],
    ['a role that is missing', () => portcullis.send('get', '/v1/audit/records', { Authorization })],
    ['an operation', () => readOperation(portcullis, begun.body.operationId)],
    ['an operation of somebody else', () => readOperation(portcullis, begun.body.operationId, { sub: 'x' })],
    [
      'the audit log',
      async () =>
        portcullis.send('get', '/v1/audit/records', {
          Authorization: `Bearer ${await portcullis.token(auditor)}`,
        }),
    ],
  ];
  const before = db.connection.prepare('select count(*) from audit_records').pluck().get();
  noRecords.begin(db.connection);
  for (const [name, ask] of asks) {
    const answer = await ask();
    assertUnavailable(answer, name);
    assert.equal(answer.body.violations, undefined, name);
  }
  // These are no operations of the contract, so there is nothing to hold the answers against.
  for (const [method, target] of [
    ['GET', '/v1/nothing'],
    ['POST', `${path}/${gateway}`],
  ] as const) {
    const answer = await fetch(`${portcullis.gateway.url}${target}`, { method, headers: { Authorization } });
    assert.equal(answer.status, 503, `${method} ${target}`);
  }
  noRecords.end(db.connection);
  assert.equal(db.connection.prepare('select count(*) from audit_records').pluck().get(), before);
  assert.deepEqual(deletions(cloud), []);
  const statuses = [];
  for (const [, ask] of asks) statuses.push((await ask()).status);
  assert.ok(!statuses.includes(503), statuses.join());
});

test('readiness says so', async () => {
  await using portcullis = await startTestGateway();
  using db = open(portcullis);
  const is = (status: number) => async () => (await portcullis.send('get', '/readyz')).status === status;
  await until(is(200));
  locked.begin(db.connection);
  // The last answer is believed for a second.
  await until(is(503));
  const { body } = await portcullis.send('get', '/readyz');
  assert.equal(body.checks.store.ok, false);
  locked.end(db.connection);
  await until(is(200));
});

function assertUnavailable(answer: Response, name = ''): void {
  assert.deepEqual([answer.status, answer.body.code], [503, 'STORE_UNAVAILABLE'], `${name} ${answer.text}`);
  assert.equal(answer.body.retryable, true);
  assert.ok(answer.headers['retry-after'], name);
  assert.doesNotMatch(answer.text, /sqlite|disk full|audit_records/i, 'nothing internal is told');
}

/** A connection of somebody else to the gateway's database. */
function open({ stateDir }: TestGateway): { connection: SqliteDatabase.Database } & Disposable {
  const connection = new SqliteDatabase(join(stateDir, databaseFile));
  return { connection, [Symbol.dispose]: () => void connection.close() };
}
