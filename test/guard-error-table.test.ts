import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startTestGateway, type TestGateway } from './support/gateway.ts';
import { deletion, deletions, readOperation, recordsOf } from './support/observe.ts';

const gateway = 'vpn-demodeletable1';
const enough = 1_000;

type Row = { code: string; httpStatus: number; status: number; problem: string; retryable: boolean };

/** The cloud did nothing, and asking it again at once cannot help. */
const refused: readonly Row[] = [
  row('InvalidVpnGatewayInstanceId.NotFound', 400, 404, 'GATEWAY_NOT_FOUND', false),
  row('InvalidVpnGatewayInstanceId.NotFound', 404, 404, 'GATEWAY_NOT_FOUND', false),
  row('VpnDependencyViolation.VpnConnection', 400, 409, 'GATEWAY_HAS_CONNECTIONS', false),
  row('ForbiddenRelease', 403, 409, 'GATEWAY_PREPAID_IN_TERM', false),
  row('Forbidden.SubUser', 403, 502, 'UPSTREAM_FORBIDDEN', false),
  row('Forbidden', 403, 502, 'UPSTREAM_FORBIDDEN', false),
  row('Forbidden.RAM', 403, 502, 'UPSTREAM_FORBIDDEN', false),
  row('IdempotentParameterMismatch', 400, 502, 'UPSTREAM_TOKEN_MISMATCH', false),
  row('SignatureDoesNotMatch', 400, 502, 'UPSTREAM_IDENTITY_REFUSED', false),
  row('SignatureDoesNotMatch', 403, 502, 'UPSTREAM_IDENTITY_REFUSED', false),
  row('IncompleteSignature', 400, 502, 'UPSTREAM_IDENTITY_REFUSED', false),
  row('InvalidAccessKeyId.NotFound', 404, 502, 'UPSTREAM_IDENTITY_REFUSED', false),
  row('InvalidAccessKeyId.Inactive', 400, 502, 'UPSTREAM_IDENTITY_REFUSED', false),
  row('InvalidSecurityToken.Expired', 403, 502, 'UPSTREAM_IDENTITY_REFUSED', false),
  row('MissingSecurityToken', 400, 502, 'UPSTREAM_IDENTITY_REFUSED', false),
  row('InvalidTimeStamp.Expired', 400, 502, 'UPSTREAM_IDENTITY_REFUSED', false),
  row('IllegalTimestamp', 400, 502, 'UPSTREAM_IDENTITY_REFUSED', false),
  row('MissingParameter', 400, 502, 'UPSTREAM_ERROR', true),
  row('InvalidAction.NotFound', 404, 502, 'UPSTREAM_ERROR', true),
];

/** The cloud did nothing, and says that it may be otherwise soon. */
const passing: readonly Row[] = [
  row('VpnGateway.Configuring', 400, 409, 'GATEWAY_CONFIGURING', true),
  row('TaskConflict', 400, 409, 'GATEWAY_TASK_CONFLICT', true),
  row('Throttling', 400, 502, 'UPSTREAM_THROTTLED', true),
  row('Throttling.User', 429, 502, 'UPSTREAM_THROTTLED', true),
  row('Throttling.Api', 503, 502, 'UPSTREAM_THROTTLED', true),
  row('Rejected.Throttling', 429, 502, 'UPSTREAM_THROTTLED', true),
];

/** Nobody can tell from the answer whether the cloud did something. */
const doubtful: readonly (Row & { triedAgain: boolean })[] = [
  { ...row('InternalError', 400, 202, 'OUTCOME_UNKNOWN', false), triedAgain: true },
  { ...row('InternalError', 500, 202, 'OUTCOME_UNKNOWN', false), triedAgain: true },
  { ...row('ServiceUnavailable', 503, 202, 'OUTCOME_UNKNOWN', false), triedAgain: true },
  { ...row('SignatureNonceUsed', 400, 202, 'OUTCOME_UNKNOWN', false), triedAgain: true },
  // A server that failed proves nothing by the code it happens to give.
  { ...row('Forbidden', 500, 202, 'OUTCOME_UNKNOWN', false), triedAgain: true },
  { ...row('InvalidVpnGatewayInstanceId.NotFound', 500, 202, 'OUTCOME_UNKNOWN', false), triedAgain: true },
  { ...row('Gremlins', 400, 202, 'OUTCOME_UNKNOWN', false), triedAgain: false },
  // The documented code in other letters is another code.
  { ...row('forbidden', 403, 202, 'OUTCOME_UNKNOWN', false), triedAgain: false },
];

// Most of it is waiting for deadlines.
void describe('the error table', { concurrency: 6 }, () => {
  for (const { code, httpStatus, ...told } of refused) {
    test(`${code} under ${httpStatus} → ${told.status} ${told.problem}, sent once`, async () => {
      await using portcullis = await start();
      portcullis.cloud.faults.add(fault(code, httpStatus, 1));
      const attempts = await assertFailed(portcullis, { code, httpStatus, ...told });
      assert.equal(attempts, 1);
      await assertAnotherTryDeletes(portcullis);
    });
  }

  for (const { code, httpStatus, ...told } of passing) {
    test(`${code} under ${httpStatus}: tried again with the same ClientToken until it passes`, async () => {
      await using portcullis = await start({ callDeadlineMs: 20_000 });
      portcullis.cloud.faults.add(fault(code, httpStatus, 2));
      const answer = await portcullis.remove(gateway);
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.body.state, 'accepted');
      assert.equal(answer.body.attempts, 3);
      const sent = deletions(portcullis.cloud);
      assert.deepEqual(
        sent.map(({ effect }) => effect),
        ['none', 'none', 'deleted'],
      );
      assert.deepEqual(
        new Set(sent.map(({ clientToken }) => clientToken)),
        new Set([answer.body.clientToken]),
      );
      assert.equal(answer.body.upstream.requestId, sent[2]?.requestId);
      assert.equal(answer.body.problem, null);
    });

    test(`${code} under ${httpStatus}, lasting → ${told.status} ${told.problem}`, async () => {
      await using portcullis = await start();
      portcullis.cloud.faults.add(fault(code, httpStatus, enough));
      const attempts = await assertFailed(portcullis, { code, httpStatus, ...told });
      assert.ok(attempts > 1, 'it was tried again');
      portcullis.cloud.faults.clear();
      await assertAnotherTryDeletes(portcullis);
    });
  }

  for (const { code, httpStatus, triedAgain } of doubtful) {
    test(`${code} under ${httpStatus}, lasting → 202, unknown`, async () => {
      await using portcullis = await start();
      portcullis.cloud.faults.add(fault(code, httpStatus, enough));
      const answer = await portcullis.remove(gateway);
      assert.equal(answer.status, 202, answer.text);
      assert.equal(answer.body.state, 'unknown');
      assert.equal(answer.headers.location, `/v1/operations/${answer.body.operationId}`);
      assert.equal(answer.body.problem.code, 'OUTCOME_UNKNOWN');
      assert.equal(answer.body.upstream.code, code);
      const sent = deletions(portcullis.cloud);
      assert.equal(answer.body.attempts, sent.length);
      assert.equal(sent.length > 1, triedAgain, `${sent.length} attempts`);
      assert.equal(new Set(sent.map(({ clientToken }) => clientToken)).size, 1);
      assert.ok(sent.some(({ requestId }) => requestId === answer.body.upstream.requestId));
      assert.deepEqual((await readOperation(portcullis, answer.body.operationId)).body, answer.body);
      const [, outcome] = await recordsOf(portcullis, answer);
      assert.deepEqual([outcome?.result, outcome?.code, outcome?.attempts], ['unknown', null, sent.length]);
      assert.equal(outcome?.upstream?.httpStatus, httpStatus);
      assert.equal(outcome?.upstream?.code, code);

      // Who knows what became of the first: nobody begins a second.
      const again = await portcullis.remove(gateway);
      assert.deepEqual([again.status, again.body.code], [409, 'OPERATION_IN_PROGRESS']);
      assert.equal(deletions(portcullis.cloud).length, sent.length);
    });
  }

  test('InternalError that passes: one token, one effect', async () => {
    await using portcullis = await start({ callDeadlineMs: 20_000 });
    portcullis.cloud.faults.add(fault('InternalError', 400, 2));
    const answer = await portcullis.remove(gateway);
    assert.deepEqual([answer.status, answer.body.state, answer.body.attempts], [200, 'accepted', 3]);
    const sent = deletions(portcullis.cloud);
    assert.equal(new Set(sent.map(({ clientToken }) => clientToken)).size, 1);
    assert.equal(portcullis.cloud.journal.effects().length, 1);
  });

  test('what the cloud asks to be waited is waited, or told to the caller when there is no time for it', async () => {
    await using portcullis = await start({ callDeadlineMs: 5_000 });
    const { cloud } = portcullis;
    const throttled = fault('Throttling.User', 429, 1);
    cloud.faults.add({ ...throttled, retryAfterMs: 400 });
    const answer = await portcullis.remove(gateway);
    assert.deepEqual([answer.status, answer.body.state], [200, 'accepted']);
    const [first, second] = deletions(cloud);
    assert.ok(first !== undefined && second !== undefined);
    // A timer may fire a millisecond before its time.
    assert.ok(second.atMs - first.atMs >= 399, `waited ${second.atMs - first.atMs} ms`);

    cloud.journal.clear();
    cloud.faults.add({ ...throttled, retryAfterMs: 61_001 });
    const told = await portcullis.remove('vpn-demodeletable2');
    assert.deepEqual([told.status, told.body.code], [502, 'UPSTREAM_THROTTLED']);
    assert.equal(told.headers['retry-after'], '62', 'whole seconds, rounded up');
    assert.equal(deletions(cloud).length, 1);
  });
});

function row(code: string, httpStatus: number, status: number, problem: string, retryable: boolean): Row {
  return { code, httpStatus, status, problem, retryable };
}

function fault(code: string, status: number, count: number) {
  return { kind: 'error', action: deletion, status, code, count } as const;
}

function start({ callDeadlineMs = 1_000 } = {}) {
  return startTestGateway({ cloud: { callDeadlineMs } });
}

/** Asks for the deletion, holds answer, operation and records against the row; returns how often it was sent. */
async function assertFailed(portcullis: TestGateway, expected: Row): Promise<number> {
  const answer = await portcullis.remove(gateway);
  const sent = deletions(portcullis.cloud);
  assert.deepEqual(portcullis.cloud.journal.effects(), []);
  const token = sent[0]?.clientToken;
  assert.ok(sent.every(({ clientToken }) => clientToken === token));
  const last = sent.at(-1)?.requestId;

  const { code, httpStatus } = expected;
  assert.deepEqual(
    [answer.status, answer.body.code, answer.body.retryable],
    [expected.status, expected.problem, expected.retryable],
    answer.text,
  );
  const upstream = { service: 'Vpc', action: deletion, code, requestId: last, httpStatus };
  assert.deepEqual(answer.body.upstream, upstream);
  assert.ok(answer.body.detail.includes('Nothing was deleted.'));
  assert.ok(!answer.text.includes('A scripted error.'), "the cloud's own words are not answered");

  const { operationId } = answer.body;
  assert.equal(answer.headers.location, `/v1/operations/${operationId}`);
  const operation = (await readOperation(portcullis, operationId)).body;
  assert.equal(operation.state, 'failed');
  assert.deepEqual(operation.problem, { code: expected.problem, detail: answer.body.detail });
  assert.deepEqual(operation.upstream, { requestId: last, code });
  assert.equal(operation.clientToken, token);
  assert.equal(operation.attempts, sent.length);

  const [decision, outcome, ...more] = await recordsOf(portcullis, answer);
  assert.deepEqual([decision?.kind, decision?.result, decision?.code], ['decision', 'allowed', null]);
  assert.deepEqual([outcome?.kind, outcome?.result, outcome?.code], ['outcome', 'failed', expected.problem]);
  assert.deepEqual(outcome?.upstream, upstream);
  assert.equal(outcome?.attempts, sent.length);
  assert.deepEqual(more, []);
  return sent.length;
}

/** A failed operation is over: the next request begins another one, with a token of its own. */
async function assertAnotherTryDeletes(portcullis: TestGateway): Promise<void> {
  const answer = await portcullis.remove(gateway);
  assert.deepEqual([answer.status, answer.body.state], [200, 'accepted'], answer.text);
  const tokens = new Set(deletions(portcullis.cloud).map(({ clientToken }) => clientToken));
  assert.equal(tokens.size, 2);
  assert.equal(portcullis.cloud.journal.effects().length, 1);
}
