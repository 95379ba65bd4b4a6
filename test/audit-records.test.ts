import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StoredAuditRecord } from '../src/audit/log.ts';
import { auditor, operator, startTestGateway, type TestGateway } from './support/gateway.ts';
import { auditRecords, deletion, readOperation } from './support/observe.ts';

const gateway = 'vpn-demodeletable1';
const path = `/v1/regions/cn-hangzhou/enhanced-vpn-gateways/${gateway}`;

/** What a request is expected to leave behind: kind, stage, result and code of each record. */
type Left = readonly (readonly [string, string, string, string | null])[];

type Ask = {
  name: string;
  /** Method and path with query. */
  send: readonly ['GET' | 'DELETE' | 'POST' | 'PATCH', string];
  headers?: Record<string, string>;
  /** Whose token; null: none. */
  roles?: readonly string[] | null;
  status: number;
  left: Left;
};

const requestRefused = (code: string): Left => [['decision', 'request', 'refused', code]];

const asks: readonly Ask[] = [
  {
    name: 'a deletion',
    send: ['DELETE', `${path}?reason=lab+is+over&ticket=OPS-1`],
    headers: { 'Idempotency-Key': 'k' },
    status: 200,
    left: [
      ['decision', 'intent', 'allowed', null],
      ['outcome', 'call', 'accepted', null],
    ],
  },
  {
    name: 'its replay',
    send: ['DELETE', path],
    headers: { 'Idempotency-Key': 'k' },
    status: 200,
    left: [['decision', 'admission', 'replayed', null]],
  },
  {
    name: 'another gateway under its key',
    send: ['DELETE', path.replace('deletable1', 'deletable2')],
    headers: { 'Idempotency-Key': 'k' },
    status: 422,
    left: [['decision', 'admission', 'refused', 'IDEMPOTENCY_KEY_REUSED']],
  },
  {
    name: 'validateOnly',
    send: ['DELETE', `${path.replace('deletable1', 'deletable2')}?validateOnly=true`],
    status: 200,
    left: [['decision', 'intent', 'allowed', null]],
  },
  {
    name: 'a refusal at admission',
    send: ['DELETE', path.replace('deletable1', 'protected1')],
    status: 403,
    left: [['decision', 'admission', 'refused', 'POLICY_DENIED']],
  },
  {
    name: 'a refusal after the facts',
    send: ['DELETE', path],
    status: 403,
    left: [['decision', 'decision', 'refused', 'POLICY_DENIED']],
  },
  {
    name: 'a gateway that is not there',
    send: ['DELETE', path.replace('deletable1', 'nowhere1')],
    status: 404,
    left: [['decision', 'facts', 'refused', 'GATEWAY_NOT_FOUND']],
  },
  {
    name: 'a malformed request',
    send: ['DELETE', `${path}?force=true`],
    status: 400,
    left: requestRefused('INVALID_REQUEST'),
  },
  {
    name: 'a path that cannot be decoded',
    send: ['DELETE', path.replace('/vpn-', '/%zz')],
    status: 400,
    left: requestRefused('INVALID_REQUEST'),
  },
  {
    name: 'no token',
    send: ['DELETE', path],
    roles: null,
    status: 401,
    left: [['decision', 'authentication', 'refused', 'UNAUTHENTICATED']],
  },
  {
    name: 'no token at a path where nothing is',
    send: ['GET', '/v1/nothing'],
    roles: null,
    status: 401,
    left: [['decision', 'authentication', 'refused', 'UNAUTHENTICATED']],
  },
  {
    name: 'a path where nothing is',
    send: ['GET', '/v1/nothing?token=secret-in-a-query'],
    status: 404,
    left: requestRefused('ROUTE_NOT_FOUND'),
  },
  {
    name: 'the bare prefix',
    send: ['GET', '/v1'],
    status: 404,
    left: requestRefused('ROUTE_NOT_FOUND'),
  },
  {
    name: 'a method that the path does not take',
    send: ['PATCH', path],
    status: 405,
    left: requestRefused('METHOD_NOT_ALLOWED'),
  },
  {
    name: 'an operation that does not exist',
    send: ['GET', '/v1/operations/op_00000000-0000-4000-8000-000000000000'],
    status: 404,
    left: requestRefused('OPERATION_NOT_FOUND'),
  },
  {
    name: 'a role that is missing',
    send: ['GET', '/v1/audit/records'],
    status: 403,
    left: requestRefused('ROLE_REQUIRED'),
  },
  {
    name: 'a malformed question to the log',
    send: ['GET', '/v1/audit/records?limit=0'],
    roles: auditor.roles,
    status: 400,
    left: requestRefused('INVALID_REQUEST'),
  },
  {
    name: 'reading the log',
    send: ['GET', '/v1/audit/records?limit=1'],
    roles: auditor.roles,
    status: 200,
    left: [['read', 'request', 'allowed', null]],
  },
];

test('every request under /v1 leaves its record, and a call its outcome', async () => {
  await using portcullis = await startTestGateway();
  for (const [index, ask] of asks.entries()) {
    const requestId = `ask-${index}`;
    const status = await send(portcullis, ask, requestId);
    assert.equal(status, ask.status, ask.name);
    const left = (await auditRecords(portcullis)).filter(({ origin }) => origin.requestId === requestId);
    assert.deepEqual(
      left.map(({ kind, stage, result, code }) => [kind, stage, result, code]),
      ask.left,
      ask.name,
    );
    for (const record of left) {
      assert.equal(record.origin.sourceAddress, '127.0.0.1');
      assert.match(record.origin.traceId, /^[0-9a-f]{32}$/);
      assert.equal(record.principal?.subject ?? null, ask.roles === null ? null : operator.sub, ask.name);
      assert.equal(typeof record.latencyMs, record.kind === 'read' ? 'object' : 'number');
      if (record.stage === 'request' || record.stage === 'authentication') {
        if (record.kind === 'decision') {
          const [method, target] = ask.send;
          assert.deepEqual(record.summary, { method, path: target.split('?')[0] }, ask.name);
          assert.ok(record.detail);
        }
      } else if (record.kind === 'decision') assertComplete(record);
    }
  }
});

test('an operation leaves a record for whoever reads it', async () => {
  await using portcullis = await startTestGateway();
  const { body } = await portcullis.remove(gateway);
  await readOperation(portcullis, body.operationId);
  await readOperation(portcullis, body.operationId, auditor);
  const reads = (await auditRecords(portcullis, `operationId=${body.operationId}`)).filter(
    ({ kind }) => kind === 'read',
  );
  assert.deepEqual(
    reads.map(({ principal }) => principal?.subject),
    [operator.sub, auditor.sub],
  );
});

test('an allowance and its outcome tell the whole story', async () => {
  await using portcullis = await startTestGateway();
  const answer = await portcullis.remove(gateway, {
    query: '?reason=lab+is+over&ticket=OPS-1',
    headers: { 'Idempotency-Key': 'k', 'X-Request-Id': 'story' },
  });
  const { body } = answer;
  const [decision, outcome] = (await auditRecords(portcullis)).filter(
    ({ origin }) => origin.requestId === 'story',
  );
  assert.ok(decision !== undefined && outcome !== undefined);
  const asked = {
    action: deletion,
    accountId: '1234567890123456',
    regionId: 'cn-hangzhou',
    resourceId: gateway,
    reason: 'lab is over',
    ticket: 'OPS-1',
    validateOnly: false,
    idempotent: true,
  };
  for (const record of [decision, outcome]) {
    assert.deepEqual(record.request, asked);
    assert.equal(record.principal?.subject, operator.sub);
    assert.deepEqual(record.principal?.roles, operator.roles);
    assert.deepEqual(record.principal?.teams, operator.teams);
    assert.match(record.principal?.tokenHash ?? '', /^[0-9a-f]{64}$/);
    assert.equal(record.decisionId, body.decision.decisionId);
    assert.equal(record.operationId, body.operationId);
    assert.equal(record.clientToken, body.clientToken);
    assert.equal(record.policyRevision, body.decision.policyRevision);
  }
  const sent = portcullis.cloud.journal.effects()[0];
  assert.deepEqual([outcome.upstream?.action, outcome.upstream?.requestId], [deletion, sent?.requestId]);
  assert.equal(outcome.attempts, 1);
  assert.ok(decision.sequence < outcome.sequence);
});

function assertComplete(record: StoredAuditRecord): void {
  assert.ok(record.decisionId?.startsWith('dec_'));
  assert.equal(record.request?.action, deletion);
  assert.equal(record.request?.accountId, '1234567890123456');
  assert.match(record.policyRevision ?? '', /^[0-9a-f]{64}$/);
  assert.match(record.policyDigest ?? '', /^[0-9a-f]{64}$/);
  const { policyInput } = record;
  assert.ok(typeof policyInput === 'object' && policyInput !== null);
  if (record.result === 'refused') assert.ok(record.detail && record.code);
}

/** Sends without holding the answer against the contract, which knows no answers of what it does not list. */
async function send(portcullis: TestGateway, ask: Ask, requestId: string): Promise<number> {
  const roles = ask.roles === undefined ? operator.roles : ask.roles;
  const headers = new Headers({ ...ask.headers, 'X-Request-Id': requestId });
  if (roles !== null) {
    headers.set('Authorization', `Bearer ${await portcullis.token({ ...operator, roles: [...roles] })}`);
  }
  const [method, target] = ask.send;
  const answer = await fetch(`${portcullis.gateway.url}${target}`, { method, headers });
  await answer.text();
  return answer.status;
}
