import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FaultInput } from '../src/emulator/faults.ts';
import { startTestGateway, type TestGateway } from './support/gateway.ts';
import {
  auditRecords,
  calls,
  deletion,
  deletions,
  finishDeletion,
  operationIn,
  readOperation,
  until,
} from './support/observe.ts';

const gateway = 'vpn-demodeletable1';
const lasting = 1_000;

/** Every way for an answer to get lost or to say nothing. */
const answers = ['empty', 'html', 'cut-off', 'redirect', 'no-request-id', 'wrong-json', 'array'] as const;
type Doubt = { name: string; fault: (when: 'before' | 'after', count: number) => FaultInput };
const doubts: readonly Doubt[] = [
  { name: 'reset', fault: (when, count) => ({ kind: 'reset', action: deletion, when, count }) },
  { name: 'hang', fault: (when, count) => ({ kind: 'hang', action: deletion, when, count }) },
  ...answers.map((answer) => ({
    name: answer,
    fault: (when: 'before' | 'after', count: number): FaultInput => ({
      kind: 'answer',
      action: deletion,
      answer,
      when,
      count,
    }),
  })),
];

// Most of it is waiting.
void describe('an ambiguous attempt', { concurrency: 6 }, () => {
  for (const { name, fault } of doubts) {
    test(`${name} before the effect, once: the second attempt deletes`, async () => {
      await using portcullis = await start();
      portcullis.cloud.faults.add(fault('before', 1));
      const answer = await portcullis.remove(gateway);
      assert.deepEqual([answer.status, answer.body.state, answer.body.attempts], [200, 'accepted', 2]);
      assertOnce(portcullis, ['none', 'deleted']);
    });

    test(`${name} after the effect, once: the second attempt finds it done, and deletes nothing`, async () => {
      await using portcullis = await start();
      portcullis.cloud.faults.add(fault('after', 1));
      const answer = await portcullis.remove(gateway);
      assert.deepEqual([answer.status, answer.body.state, answer.body.attempts], [200, 'accepted', 2]);
      assertOnce(portcullis, ['deleted', 'replayed']);
    });

    test(`${name} after the effect, lasting: a look finds the gateway being deleted, then gone`, async () => {
      await using portcullis = await start();
      portcullis.cloud.faults.add(fault('after', lasting));
      const answer = await portcullis.remove(gateway);
      assert.deepEqual([answer.status, answer.body.state], [200, 'accepted'], answer.text);
      assertOnce(portcullis);
      finishDeletion(portcullis.cloud, gateway);
      await operationIn(portcullis, answer.body.operationId, 'gone');
      assertOnce(portcullis);
    });

    test(`${name} before the effect, lasting: 202, and the same ClientToken is sent again when it passes`, async () => {
      await using portcullis = await start({ attentionAfterMs: 60_000 });
      const { cloud } = portcullis;
      cloud.faults.add(fault('before', lasting));
      const answer = await portcullis.remove(gateway);
      assert.deepEqual([answer.status, answer.body.state], [202, 'unknown'], answer.text);
      assert.equal(answer.headers.location, `/v1/operations/${answer.body.operationId}`);
      assert.deepEqual(cloud.journal.effects(), []);
      cloud.faults.clear();

      const looks = calls(cloud, 'DescribeVpnGateway');
      const ended = await operationIn(portcullis, answer.body.operationId, 'accepted');
      assert.ok(calls(cloud, 'DescribeVpnGateway') > looks, 'it was looked at');
      assert.ok(ended.attempts > answer.body.attempts);
      assertOnce(portcullis);
      const again = ended.history.find(({ event }: { event: string }) => event === 'sent-again');
      assert.ok(again.decisionId !== ended.decision.decisionId, 'by a decision of its own');
    });
  }

  test('an effect that nobody could look at: 202, then accepted, then gone, each with its record', async () => {
    await using portcullis = await start({ attentionAfterMs: 60_000 });
    const { cloud } = portcullis;
    cloud.faults.add({ kind: 'reset', action: deletion, when: 'after', count: lasting });
    const answering = portcullis.remove(gateway);
    await untilSent(portcullis);
    cloud.faults.add({ kind: 'reset', action: 'DescribeVpnGateway', when: 'before', count: lasting });
    const answer = await answering;
    assert.deepEqual([answer.status, answer.body.state], [202, 'unknown'], answer.text);
    const { operationId, clientToken } = answer.body;
    assertOnce(portcullis);

    cloud.faults.clear();
    await operationIn(portcullis, operationId, 'accepted');
    finishDeletion(cloud, gateway);
    const ended = await operationIn(portcullis, operationId, 'gone');
    assert.equal(ended.problem, null, 'nothing is unknown any more');
    assertOnce(portcullis);

    const records = await auditRecords(portcullis, `operationId=${operationId}&limit=1000`);
    const told = records.filter(({ kind }) => kind !== 'read');
    assert.deepEqual(
      told.map(({ kind, stage, result }) => [kind, stage, result]),
      [
        ['decision', 'intent', 'allowed'],
        ['outcome', 'call', 'unknown'],
        ['outcome', 'recovery', 'accepted'],
        ['outcome', 'recovery', 'gone'],
      ],
    );
    assert.deepEqual(new Set(told.map((record) => record.clientToken)), new Set([clientToken]));
  });

  test('NotFound after an ambiguous attempt: gone, never 404', async () => {
    await using portcullis = await start();
    const { cloud } = portcullis;
    cloud.faults.add({ kind: 'reset', action: deletion, when: 'after' });
    // The silence leaves time for the deletion to come to its end.
    cloud.faults.add({ kind: 'hang', action: deletion, when: 'before' });
    cloud.faults.add({
      kind: 'error',
      action: deletion,
      status: 400,
      code: 'InvalidVpnGatewayInstanceId.NotFound',
    });
    const answering = portcullis.remove(gateway);
    await untilSent(portcullis);
    finishDeletion(cloud, gateway);
    const answer = await answering;
    assert.deepEqual([answer.status, answer.body.state], [200, 'gone'], answer.text);
    assert.equal(answer.body.upstream.requestId, deletions(cloud).at(-1)?.requestId);
    assertOnce(portcullis, ['deleted', 'none', 'none']);
    const read = await readOperation(portcullis, answer.body.operationId);
    assert.equal(read.body.state, 'gone');
  });

  test('NotFound after an ambiguous attempt, while the gateway still stands: 202', async () => {
    await using portcullis = await start();
    const { cloud } = portcullis;
    cloud.faults.add({ kind: 'reset', action: deletion, when: 'before' });
    cloud.faults.add({
      kind: 'error',
      action: deletion,
      status: 400,
      code: 'InvalidVpnGatewayInstanceId.NotFound',
    });
    const answer = await portcullis.remove(gateway);
    assert.deepEqual([answer.status, answer.body.state], [202, 'unknown'], answer.text);
    assert.deepEqual(cloud.journal.effects(), []);
  });

  test('a refusal after an ambiguous attempt that had its effect: the refusal proves nothing', async () => {
    await using portcullis = await start();
    portcullis.cloud.faults.add({ kind: 'reset', action: deletion, when: 'after' });
    portcullis.cloud.faults.add({ kind: 'error', action: deletion, status: 403, code: 'Forbidden' });
    const answer = await portcullis.remove(gateway);
    assert.deepEqual([answer.status, answer.body.state], [200, 'accepted'], answer.text);
    assertOnce(portcullis, ['deleted', 'none']);
  });

  for (const [status, code] of [
    [404, 'InvalidAction.NotFound'],
    [404, 'InvalidRegionId.NotFound'],
    [403, 'InvalidVpnGatewayInstanceId.NotFound'],
    [400, 'InvalidVpnGatewayInstanceId.notfound'],
  ] as const) {
    test(`${code} under ${status} is not taken for gone`, async () => {
      await using portcullis = await start();
      const { cloud } = portcullis;
      cloud.faults.add({ kind: 'reset', action: deletion, when: 'before', count: lasting });
      const answering = portcullis.remove(gateway);
      await untilSent(portcullis);
      cloud.faults.add({ kind: 'error', action: 'DescribeVpnGateway', status, code, count: lasting });
      const answer = await answering;
      assert.deepEqual([answer.status, answer.body.state], [202, 'unknown'], `${status} ${code}`);
      const ended = await operationIn(portcullis, answer.body.operationId, 'needs_attention');
      assert.match(ended.problem.detail, /cannot be looked at/);
    });
  }
});

/** Short limits: a scripted silence lasts as long, and so does it until a person is called. */
function start({ attentionAfterMs = 1_000 } = {}) {
  return startTestGateway({
    cloud: { readTimeoutMs: 400, callDeadlineMs: 1_500 },
    recovery: { intervalMs: 100, lookEveryMs: 100, attentionAfterMs },
    limits: { requestsPerMinute: 100_000 },
  });
}

async function untilSent(portcullis: TestGateway): Promise<void> {
  await until(() => deletions(portcullis.cloud).length > 0);
}

/** One effect, one ClientToken; `effects` of the attempts, where their number is certain. */
function assertOnce({ cloud }: TestGateway, effects?: readonly string[]): void {
  const sent = deletions(cloud);
  assert.equal(cloud.journal.effects().length, 1, 'deleted once');
  assert.equal(new Set(sent.map(({ clientToken }) => clientToken)).size, 1, 'under one ClientToken');
  if (effects !== undefined) {
    assert.deepEqual(
      sent.map(({ effect }) => effect),
      effects,
    );
  }
}
