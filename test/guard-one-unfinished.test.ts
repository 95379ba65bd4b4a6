import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StoredAuditRecord } from '../src/audit/log.ts';
import { operator, startTestGateway } from './support/gateway.ts';
import {
  auditRecords,
  calls,
  deletion,
  deletions,
  finishDeletion,
  operationIn,
  recordsOf,
  until,
} from './support/observe.ts';

const gateway = 'vpn-demodeletable1';
const other = { ...operator, sub: 'someone-else' };

test('of twenty concurrent deletions of one gateway, one is made', async () => {
  await using portcullis = await startTestGateway();
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      portcullis.remove(gateway, { caller: index % 2 === 0 ? operator : other }),
    ),
  );
  const [first, ...more] = answers.filter(({ status }) => status === 200);
  assert.ok(first !== undefined && more.length === 0, `${more.length + 1} were told of a deletion`);
  const [sent, ...again] = deletions(portcullis.cloud);
  assert.deepEqual(again, []);
  assert.deepEqual([sent?.effect, sent?.clientToken], ['deleted', first.body.clientToken]);

  const { operationId, principal } = first.body;
  const records = await auditRecords(portcullis);
  for (const answer of answers) {
    if (answer === first) continue;
    if (answer.body.code === 'POLICY_DENIED') {
      assert.deepEqual([answer.status, answer.body.violations[0].code], [403, 'GATEWAY_DELETING']);
      continue;
    }
    assert.deepEqual([answer.status, answer.body.code], [409, 'OPERATION_IN_PROGRESS']);
    assert.ok(answer.headers['retry-after']);
    const record: StoredAuditRecord | undefined = records.find(
      ({ origin }) => origin.requestId === answer.body.requestId,
    );
    const isOwn: boolean = record?.principal?.subject === principal.subject;
    assert.equal(answer.headers.location, isOwn ? `/v1/operations/${operationId}` : undefined);
    assert.equal(answer.text.includes(operationId), isOwn);
  }
});

test('while a call is being made, its caller is told which, others only that there is one', async () => {
  await using portcullis = await startTestGateway({ cloud: { readTimeoutMs: 1_000 } });
  const { cloud } = portcullis;
  cloud.faults.add({ kind: 'hang', action: deletion, when: 'before' });
  const slow = portcullis.remove(gateway);
  await until(() => calls(cloud, deletion) === 1);
  const own = await portcullis.remove(gateway);
  assert.deepEqual([own.status, own.body.code], [409, 'OPERATION_IN_PROGRESS']);
  assert.equal(own.headers.location, `/v1/operations/${own.body.operationId}`);

  const foreign = await portcullis.remove(gateway, { caller: other });
  assert.deepEqual([foreign.status, foreign.body.code], [409, 'OPERATION_IN_PROGRESS']);
  assert.equal(foreign.headers.location, undefined);
  assert.equal(foreign.body.operationId, undefined);
  const asked = await portcullis.remove(gateway, { caller: other, query: '?validateOnly=true' });
  assert.deepEqual([asked.status, asked.body.code], [409, 'OPERATION_IN_PROGRESS']);
  const [record] = await recordsOf(portcullis, foreign);
  assert.deepEqual([record?.stage, record?.result], ['intent', 'refused']);

  const another = await portcullis.remove('vpn-demodeletable2', { caller: other });
  assert.equal(another.status, 200, 'another gateway is another matter');
  assert.equal((await slow).status, 200);
});

test('who read the facts before another deletion was accepted, and decides after it, sends nothing', async () => {
  await using portcullis = await startTestGateway();
  const { cloud } = portcullis;
  // The late one has been told that the gateway is active, and still waits for the list of its connections.
  cloud.faults.add({ kind: 'latency', action: 'DescribeVpnConnections', ms: 600 });
  const late = portcullis.remove(gateway, { caller: other });
  await until(() => calls(cloud, 'DescribeVpnGateway') === 1);
  const first = await portcullis.remove(gateway);
  assert.deepEqual([first.status, first.body.state], [200, 'accepted']);
  const refused = await late;
  assert.deepEqual([refused.status, refused.body.code], [409, 'OPERATION_IN_PROGRESS'], refused.text);
  assert.equal(deletions(cloud).length, 1, 'one call, under one ClientToken');
});

test('what has ended stands in nobody’s way', async () => {
  await using portcullis = await startTestGateway({ recovery: { intervalMs: 100, lookEveryMs: 100 } });
  const { cloud } = portcullis;
  const first = await portcullis.remove(gateway);
  finishDeletion(cloud, gateway);
  await operationIn(portcullis, first.body.operationId, 'gone');
  const again = await portcullis.remove(gateway);
  assert.deepEqual([again.status, again.body.code], [404, 'GATEWAY_NOT_FOUND']);
  assert.equal(deletions(cloud).length, 1);
});
