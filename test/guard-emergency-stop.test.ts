import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditor, type Caller, operator, startTestGateway, type TestGateway } from './support/gateway.ts';
import { auditRecords, deletions } from './support/observe.ts';

const olga: Required<Caller> = { sub: 'olga', roles: ['operator'], teams: [] };

async function guard(portcullis: TestGateway, method: 'get' | 'post', path: string, caller = olga) {
  return portcullis.send(method, path, { Authorization: `Bearer ${await portcullis.token(caller)}` });
}

test('stopped, every deletion is refused and nothing is sent, until it is resumed', async () => {
  await using portcullis = await startTestGateway();
  const begun = await portcullis.remove('vpn-demodeletable1', { headers: { 'Idempotency-Key': 'k' } });
  assert.equal(begun.status, 200);
  const sent = deletions(portcullis.cloud).length;

  const stopped = await guard(portcullis, 'post', '/v1/guard:stop?reason=incident+42');
  assert.deepEqual([stopped.status, stopped.body.stopped, stopped.body.reason], [200, true, 'incident 42']);
  assert.equal(stopped.body.changedBy.subject, 'olga');
  for (const query of ['', '?validateOnly=true']) {
    const refused = await portcullis.remove('vpn-demodeletable2', { query });
    assert.deepEqual([refused.status, refused.body.code], [503, 'DELETIONS_STOPPED']);
    assert.match(refused.body.detail, /incident 42/);
  }
  assert.equal(deletions(portcullis.cloud).length, sent);
  assert.match(await (await fetch(portcullis.gateway.metricsUrl)).text(), /^portcullis_guard_stopped 1$/m);
  const replayed = await portcullis.remove('vpn-demodeletable1', { headers: { 'Idempotency-Key': 'k' } });
  assert.deepEqual([replayed.status, replayed.body.operationId], [200, begun.body.operationId]);

  assert.equal((await guard(portcullis, 'get', '/v1/guard')).body.stopped, true);
  assert.equal((await guard(portcullis, 'post', '/v1/guard:resume?reason=over')).body.stopped, false);
  assert.equal((await portcullis.remove('vpn-demodeletable2')).status, 200);
  const changes = (await auditRecords(portcullis)).filter(({ kind }) => kind === 'administration');
  assert.deepEqual(
    changes.map(({ result, principal, summary }) => [result, principal?.subject, summary?.reason]),
    [
      ['guard-stop', 'olga', 'incident 42'],
      ['guard-resume', 'olga', 'over'],
    ],
  );
});

test('a stop outlasts the process', async () => {
  await using first = await startTestGateway();
  await guard(first, 'post', '/v1/guard:stop?reason=x');
  await first.gateway[Symbol.asyncDispose]();
  await using second = await startTestGateway({ stateDir: first.stateDir });
  assert.equal((await second.remove('vpn-demodeletable1')).body.code, 'DELETIONS_STOPPED');
});

test('only an operator stops deletions, and only with a reason', async () => {
  await using portcullis = await startTestGateway();
  for (const caller of [operator, auditor]) {
    for (const [method, path] of [
      ['get', '/v1/guard'],
      ['post', '/v1/guard:stop?reason=x'],
      ['post', '/v1/guard:resume?reason=x'],
    ] as const) {
      const refused = await guard(portcullis, method, path, caller);
      assert.deepEqual([refused.status, refused.body.code], [403, 'ROLE_REQUIRED'], `${caller.sub} ${path}`);
    }
  }
  for (const query of [
    '',
    '?reason=',
    '?reason=%20',
    `?reason=${'x'.repeat(501)}`,
    '?reason=a&reason=b',
    '?because=x',
  ]) {
    const refused = await guard(portcullis, 'post', `/v1/guard:stop${query}`);
    assert.deepEqual([refused.status, refused.body.code], [400, 'INVALID_REQUEST'], query);
  }
  assert.equal((await guard(portcullis, 'get', '/v1/guard')).body.stopped, false);
});
