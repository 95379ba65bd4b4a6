import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CallOutcome } from '../src/guard/cloud-operation.ts';
import { newClientToken } from '../src/operations/delete-enhanced-vpn-gateway.ts';
import {
  type Answer,
  json,
  ok,
  raw,
  refusal,
  reset,
  silence,
  startScriptedCloud,
} from './support/scripted-cloud.ts';
import {
  accountId,
  closedPort,
  frozenPace,
  gatewayId,
  operationAt,
  permitted,
  region,
  target,
} from './support/upstream.ts';

const del = 'DeleteEnhancedVpnGateway';
const describe = 'DescribeVpnGateway';
const token = 'pc-11111111-2222-3333-4444-555555555555';
const notFound = (status: number) => refusal(status, 'InvalidVpnGatewayInstanceId.NotFound');
const described = (status: unknown, id: unknown = gatewayId): Answer =>
  json(200, { RequestId: 'REQ-LOOK', VpnGatewayId: id, Status: status });

type Script = {
  answers: [Answer, ...Answer[]];
  look?: Answer;
  account?: () => Promise<string>;
};

async function run({ answers, look, account }: Script) {
  await using cloud = await startScriptedCloud();
  const pace = frozenPace();
  using at = operationAt(cloud.host, {
    pace,
    readTimeoutMs: 1_000,
    account: account ?? (async () => accountId),
    signal: new AbortController().signal,
  });
  cloud.answer(del, ...answers);
  cloud.answer(describe, look ?? described('active'));
  const startMs = pace.now();
  const outcome = await at.operation.call(target, token, permitted);
  const sent = cloud.requests.filter(({ action }) => action === del);
  const looks = cloud.requests.length - sent.length;
  return { outcome, sent, looks, waits: pace.waits, tookMs: pace.now() - startMs };
}

test('success: one attempt, exactly three parameters, no look', async () => {
  const { outcome, sent, looks } = await run({ answers: [ok] });
  assert.deepEqual(outcome, { kind: 'accepted', requestId: 'REQ-OK', attempts: 1 } satisfies CallOutcome);
  assert.equal(looks, 0);
  assert.deepEqual(sent[0]?.parameters, { RegionId: region, VpnGatewayId: gatewayId, ClientToken: token });
});

test('every attempt carries the same ClientToken', async () => {
  const { outcome, sent } = await run({
    answers: [
      refusal(400, 'VpnGateway.Configuring'),
      refusal(400, 'InternalError'),
      reset,
      refusal(503, 'ServiceUnavailable'),
      refusal(400, 'Throttling'),
      ok,
    ],
  });
  assert.deepEqual(outcome, { kind: 'accepted', requestId: 'REQ-OK', attempts: 6 } satisfies CallOutcome);
  assert.deepEqual([...new Set(sent.map(({ parameters }) => parameters.ClientToken))], [token]);
});

test('what may pass is tried until the deadline and not beyond it', async () => {
  for (const code of ['VpnGateway.Configuring', 'TaskConflict', 'Throttling.User', 'InternalError']) {
    const { sent, tookMs } = await run({ answers: [refusal(400, code)] });
    assert.ok(sent.length >= 5, code);
    assert.ok(tookMs <= 20_000, code);
  }
});

test("the cloud's retry time is waited before the next attempt", async () => {
  const header = { 'x-acs-retry-after': '7000' };
  const { waits } = await run({ answers: [refusal(429, 'Throttling', header), ok] });
  assert.equal(waits.length, 1);
  assert.ok((waits[0] ?? 0) >= 7_000);
});

test('a retry time beyond the deadline ends the attempts, and the caller is told it', async () => {
  const header = { 'x-acs-retry-after': '60000' };
  const { outcome, sent } = await run({ answers: [refusal(429, 'Throttling', header)] });
  assert.equal(sent.length, 1);
  assert.ok(outcome.kind === 'failed');
  assert.equal(outcome.problem.options.retryAfterMs, 60_000);
});

const ambiguous: [string, Answer][] = [
  ['InternalError', refusal(400, 'InternalError')],
  ['a broken connection', reset],
  ['a 502 page', raw(502, '<html>')],
  ['silence', silence],
];
for (const [name, first] of ambiguous) {
  for (const status of [400, 404]) {
    test(`NotFound (${status}) after ${name} is gone when a look says so too`, async () => {
      const { outcome } = await run({ answers: [first, notFound(status)], look: notFound(400) });
      const requestId = 'REQ-InvalidVpnGatewayInstanceId.NotFound';
      assert.deepEqual(outcome, { kind: 'gone', requestId, attempts: 2 } satisfies CallOutcome);
    });
  }

  test(`a definite refusal after ${name} proves nothing any more`, async () => {
    for (const code of ['Forbidden', 'VpnDependencyViolation.VpnConnection', 'IdempotentParameterMismatch']) {
      const { outcome, sent } = await run({ answers: [first, refusal(403, code)] });
      assert.equal(outcome.kind, 'unknown', code);
      assert.equal(sent.length, 2);
    }
  });
}

test('a look that shows the gateway being deleted means that the call was accepted', async () => {
  const { outcome } = await run({ answers: [reset, refusal(403, 'Forbidden')], look: described('deleting') });
  assert.deepEqual(outcome, { kind: 'accepted', requestId: null, attempts: 2 } satisfies CallOutcome);
});

test('configuring after an ambiguous attempt is tried on, and then looked at', async () => {
  const configuring = refusal(400, 'VpnGateway.Configuring');
  const { outcome, sent } = await run({ answers: [reset, configuring], look: described('deleting') });
  assert.equal(outcome.kind, 'accepted');
  assert.ok(sent.length > 2);
});

const undecided: [string, Answer][] = [
  ['still standing', described('active')],
  ['described as another gateway', described('deleting', 'vpn-another')],
  ['without a state', described(undefined)],
  ['refused', refusal(403, 'Forbidden')],
  ['answered with a page', raw(404, '<html>')],
  ['not found by a code that nobody documents', refusal(404, 'InvalidVpnGatewayId.NotFound')],
  ['not found under 503', notFound(503)],
  ['not answered', reset],
];
for (const [name, look] of undecided) {
  test(`an ambiguous attempt and a look ${name}: the outcome is unknown`, async () => {
    const { outcome } = await run({ answers: [reset, refusal(403, 'Forbidden')], look });
    assert.ok(outcome.kind === 'unknown');
    assert.match(outcome.reason, /sent 2 times.*not known.*read the operation/s);
  });
}

test('gone is not believed of another account, nor when the account cannot be told', async () => {
  const answers: [Answer, ...Answer[]] = [reset, notFound(404)];
  const other = await run({ answers, look: notFound(404), account: async () => '999' });
  assert.equal(other.outcome.kind, 'unknown');
  const none = await run({ answers, look: notFound(404), account: () => Promise.reject(new Error('no')) });
  assert.equal(none.outcome.kind, 'unknown');
});

test('unknown names what the cloud said in the ambiguous attempt', async () => {
  const { outcome } = await run({ answers: [refusal(400, 'InternalError'), refusal(403, 'Forbidden')] });
  assert.ok(outcome.kind === 'unknown');
  assert.deepEqual(outcome.upstream, {
    service: 'Vpc',
    action: del,
    code: 'InternalError',
    requestId: 'REQ-InternalError',
    httpStatus: 400,
  });
});

test('an endpoint that cannot be reached: certainly nothing was sent', async () => {
  const pace = frozenPace();
  using at = operationAt(await closedPort(), {
    pace,
    readTimeoutMs: 1_000,
    account: async () => accountId,
    signal: new AbortController().signal,
  });
  const outcome = await at.operation.call(target, token, permitted);
  assert.ok(outcome.kind === 'failed');
  assert.deepEqual([outcome.problem.code, outcome.attempts], ['UPSTREAM_TIMEOUT', 0]);
  assert.match(outcome.problem.detail, /never sent/);
});

test('an instance that stops: nothing sent is a failure, a call in flight is unknown', async () => {
  await using cloud = await startScriptedCloud();
  const stop = new AbortController();
  const options = {
    pace: frozenPace(),
    readTimeoutMs: 60_000,
    account: async () => accountId,
    signal: stop.signal,
  };
  using at = operationAt(cloud.host, options);
  cloud.answer(del, silence);
  const inFlight = at.operation.call(target, token, permitted);
  await cloud.received(del, 1);
  stop.abort();
  const late = await inFlight;
  assert.deepEqual([late.kind, late.attempts], ['unknown', 1]);
  const early = await at.operation.call(target, token, permitted);
  assert.ok(early.kind === 'failed');
  assert.equal(early.problem.code, 'SHUTTING_DOWN');
  assert.equal(cloud.requests.filter(({ action }) => action === del).length, 1);
});

test('a region that is not served is the caller’s mistake', async () => {
  await using cloud = await startScriptedCloud();
  using at = operationAt(cloud.host, {
    pace: frozenPace(),
    readTimeoutMs: 1_000,
    account: async () => accountId,
    signal: new AbortController().signal,
  });
  const outcome = await at.operation.call({ ...target, regionId: 'cn-hangzhou' }, token, permitted);
  assert.ok(outcome.kind === 'failed');
  assert.deepEqual([outcome.problem.code, outcome.problem.options.fields], ['INVALID_REQUEST', ['regionId']]);
  assert.equal(cloud.requests.length, 0);
});

test('client tokens are ASCII, short enough and never the same', () => {
  const tokens = Array.from({ length: 1_000 }, newClientToken);
  assert.equal(new Set(tokens).size, tokens.length);
  for (const made of tokens) assert.match(made, /^pc-[\x21-\x7e]{32,61}$/);
});
