import assert from 'node:assert/strict';
import { test } from 'node:test';
import { operator, startTestGateway, type TestGateway } from './support/gateway.ts';
import { deletion, finishDeletion, operationIn } from './support/observe.ts';

const gateway = 'vpn-demodeletable1';

function slow(portcullis: TestGateway, ms: number): void {
  portcullis.cloud.faults.add({ kind: 'latency', action: deletion, ms });
}

test('respond-async is answered when the intent is durable, and the call is made all the same', async () => {
  await using portcullis = await startTestGateway();
  slow(portcullis, 1_500);
  const answer = await portcullis.remove(gateway, { headers: { Prefer: 'respond-async' } });
  assert.deepEqual([answer.status, answer.body.state], [202, 'sending']);
  assert.equal(answer.headers['preference-applied'], 'respond-async');
  assert.equal(answer.headers.location, `/v1/operations/${answer.body.operationId}`);
  const ended = await operationIn(portcullis, answer.body.operationId, 'accepted');
  assert.equal(ended.attempts, 1);
  assert.equal(portcullis.cloud.journal.effects().length, 1);
});

test('wait is answered then at the latest, and earlier when the call has ended', async () => {
  await using portcullis = await startTestGateway();
  slow(portcullis, 2_500);
  const early = await portcullis.remove(gateway, { headers: { Prefer: 'wait=1' } });
  assert.deepEqual(
    [early.status, early.body.state, early.headers['preference-applied']],
    [202, 'sending', 'wait=1'],
  );
  await operationIn(portcullis, early.body.operationId, 'accepted');
  portcullis.cloud.faults.clear();
  const whole = await portcullis.remove('vpn-demodeletable2', { headers: { Prefer: 'wait=30' } });
  assert.deepEqual([whole.status, whole.body.state], [200, 'accepted']);
});

test('what is no preference is passed over', async () => {
  await using portcullis = await startTestGateway();
  for (const [id, prefer] of [
    ['vpn-demodeletable1', 'wait=-1, return=minimal;x'],
    ['vpn-demodeletable2', 'respond-asynchronously, wait=soon'],
  ] as const) {
    const answer = await portcullis.remove(id, { headers: { Prefer: prefer } });
    assert.deepEqual([answer.status, answer.headers['preference-applied']], [200, undefined], prefer);
  }
});

test('an operation that is waited for is answered when it has ended', async () => {
  await using portcullis = await startTestGateway({ recovery: { intervalMs: 100, lookEveryMs: 100 } });
  const { operationId } = (await portcullis.remove(gateway)).body;
  const Authorization = `Bearer ${await portcullis.token(operator)}`;
  const waiting = portcullis.send('get', `/v1/operations/${operationId}`, {
    Authorization,
    Prefer: 'wait=30',
  });
  finishDeletion(portcullis.cloud, gateway);
  const answer = await waiting;
  assert.deepEqual(
    [answer.status, answer.body.state, answer.headers['preference-applied']],
    [200, 'gone', 'wait=30'],
  );
});

test('a stop waits for a call that nobody waits for', async () => {
  await using portcullis = await startTestGateway();
  slow(portcullis, 1_000);
  const answer = await portcullis.remove(gateway, { headers: { Prefer: 'respond-async' } });
  assert.equal(answer.status, 202);
  await portcullis.gateway[Symbol.asyncDispose]();
  assert.equal(portcullis.cloud.journal.effects().length, 1);
  await using again = await startTestGateway({ stateDir: portcullis.stateDir });
  const read = await again.send('get', `/v1/operations/${answer.body.operationId}`, {
    Authorization: `Bearer ${await again.token(operator)}`,
  });
  assert.ok(
    read.body.history.some(
      ({ event, state }: { event: string; state: string }) => event === 'called' && state === 'accepted',
    ),
  );
});
