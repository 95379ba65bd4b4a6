import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSqliteReadOnly } from '../src/storage/sqlite.ts';
import { auditor, startTestGateway } from './support/gateway.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

test('a principal that asks too often is told to wait; others are not', async () => {
  await using portcullis = await startTestGateway({ limits: { requestsPerMinute: 3 } });
  const greedy = { sub: 'greedy' };
  for (let sent = 0; sent < 3; sent += 1) {
    assert.equal((await portcullis.remove('vpn-demoprotected1', { caller: greedy })).status, 403);
  }
  const limited = await portcullis.remove('vpn-demodeletable1', { caller: greedy });
  assert.equal(limited.status, 429);
  assert.equal(limited.body.code, 'RATE_LIMITED');
  assert.match(limited.headers['retry-after'] ?? '', /^[1-9]\d*$/);
  assert.equal(portcullis.cloud.journal.effects().length, 0);
  assert.equal((await portcullis.remove('vpn-demodeletable1', { caller: { sub: 'modest' } })).status, 200);
});

test('a flood of bad tokens is limited, fills no disk, and is counted', async () => {
  using directory = temporaryDirectory();
  const frozenAtMs = Date.now();
  const portcullis = await startTestGateway(
    { stateDir: directory.path, limits: { failedAuthenticationsPerMinute: 10 } },
    () => frozenAtMs,
  );
  const good = await portcullis.token(auditor);
  const read = () =>
    portcullis.send('get', '/v1/audit/records?limit=1000', { Authorization: `Bearer ${good}` });
  assert.equal((await read()).status, 200);
  const codes = new Map<string, number>();
  for (let sent = 0; sent < 200; sent += 1) {
    const { body, status, headers } = await portcullis.send(
      'delete',
      '/v1/regions/cn-hangzhou/enhanced-vpn-gateways/vpn-demodeletable1',
      {
        Authorization: 'Bearer a.b.c',
      },
    );
    codes.set(body.code, (codes.get(body.code) ?? 0) + 1);
    if (status === 429) assert.match(headers['retry-after'] ?? '', /^[1-9]\d*$/);
  }
  assert.equal(codes.get('UNAUTHENTICATED'), 10);
  assert.equal(codes.get('TOO_MANY_FAILED_AUTHENTICATIONS'), 190);
  const { body, status } = await read();
  assert.equal(status, 200, 'a token that was verified before passes all the same');
  const refused = body.records.filter((record: { stage: string }) => record.stage === 'authentication');
  assert.equal(refused.length, 30, 'single records of one source in a minute');
  assert.ok(
    refused.every(
      (record: { authenticationRefusal: string | null; code: string }) =>
        record.authenticationRefusal !== null || record.code === 'TOO_MANY_FAILED_AUTHENTICATIONS',
    ),
  );

  await portcullis[Symbol.asyncDispose]();
  await using storage = openSqliteReadOnly(directory.path);
  const rows = await storage.read
    .selectFrom('audit_records')
    .select('record_json')
    .where('kind', '=', 'refusals')
    .execute();
  const [summary, ...more] = rows.map((row) => JSON.parse(row.record_json).summary);
  assert.deepEqual(more, [], 'one record for all of them');
  assert.equal(summary.count, 170);
  assert.deepEqual(summary.byReason, { TOO_MANY_FAILED_AUTHENTICATIONS: 170 });
});
