import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorTable } from '../src/errors.ts';
import { deleteErrors, errorTableMarkdown, gatewayNotFound } from '../src/operations/gateway-errors.ts';
import { classErrors } from '../src/upstream/errors.ts';
import {
  type Answer,
  cutOff,
  json,
  raw,
  refusal,
  reset,
  startScriptedCloud,
} from './support/scripted-cloud.ts';
import { accountId, frozenPace, gatewayId, operationAt, permitted, target } from './support/upstream.ts';

const token = 'pc-0000';
const { signal } = new AbortController();

/** What one answer, repeated, makes of a deletion while a look shows the gateway standing. */
async function deletionAnswered(answer: Answer) {
  await using cloud = await startScriptedCloud();
  const pace = frozenPace();
  using at = operationAt(cloud.host, { pace, readTimeoutMs: 2_000, account: async () => accountId, signal });
  cloud.answer('DeleteEnhancedVpnGateway', answer);
  cloud.answer(
    'DescribeVpnGateway',
    json(200, { RequestId: 'L', VpnGatewayId: gatewayId, Status: 'active' }),
  );
  const outcome = await at.operation.call(target, token, permitted);
  return { outcome, attempts: cloud.requests.filter((r) => r.action === 'DeleteEnhancedVpnGateway').length };
}

type Expected = { code: keyof typeof errorTable; status: number } | 'unknown';
const failed = (code: keyof typeof errorTable, status: number): Expected => ({ code, status });

/** The answer, what the caller is told, and whether it is tried again. */
const table: [name: string, answer: Answer, expected: Expected, again: boolean][] = [
  // The API reference of DeleteEnhancedVpnGateway.
  [
    'VpnGateway.Configuring',
    refusal(400, 'VpnGateway.Configuring'),
    failed('GATEWAY_CONFIGURING', 409),
    true,
  ],
  ['InternalError, a 400', refusal(400, 'InternalError'), 'unknown', true],
  ['TaskConflict', refusal(400, 'TaskConflict'), failed('GATEWAY_TASK_CONFLICT', 409), true],
  [
    'NotFound, a 400',
    refusal(400, 'InvalidVpnGatewayInstanceId.NotFound'),
    failed('GATEWAY_NOT_FOUND', 404),
    false,
  ],
  [
    'NotFound, a 404',
    refusal(404, 'InvalidVpnGatewayInstanceId.NotFound'),
    failed('GATEWAY_NOT_FOUND', 404),
    false,
  ],
  [
    'VpnDependencyViolation.VpnConnection',
    refusal(400, 'VpnDependencyViolation.VpnConnection'),
    failed('GATEWAY_HAS_CONNECTIONS', 409),
    false,
  ],
  ['Forbidden.SubUser', refusal(403, 'Forbidden.SubUser'), failed('UPSTREAM_FORBIDDEN', 502), false],
  ['Forbidden', refusal(403, 'Forbidden'), failed('UPSTREAM_FORBIDDEN', 502), false],
  ['ForbiddenRelease', refusal(403, 'ForbiddenRelease'), failed('GATEWAY_PREPAID_IN_TERM', 409), false],
  // Common errors.
  [
    'IdempotentParameterMismatch',
    refusal(400, 'IdempotentParameterMismatch'),
    failed('UPSTREAM_TOKEN_MISMATCH', 502),
    false,
  ],
  ['Throttling', refusal(400, 'Throttling'), failed('UPSTREAM_THROTTLED', 502), true],
  ['Throttling.User', refusal(429, 'Throttling.User'), failed('UPSTREAM_THROTTLED', 502), true],
  ['Throttling.Api, a 503', refusal(503, 'Throttling.Api'), failed('UPSTREAM_THROTTLED', 502), true],
  ['Rejected.Throttling', refusal(400, 'Rejected.Throttling'), failed('UPSTREAM_THROTTLED', 502), true],
  ['InternalError, a 500', refusal(500, 'InternalError'), 'unknown', true],
  ['ServiceUnavailable', refusal(503, 'ServiceUnavailable'), 'unknown', true],
  ['SignatureNonceUsed', refusal(400, 'SignatureNonceUsed'), 'unknown', true],
  [
    'SignatureDoesNotMatch',
    refusal(400, 'SignatureDoesNotMatch'),
    failed('UPSTREAM_IDENTITY_REFUSED', 502),
    false,
  ],
  [
    'SignatureDoesNotMatch, a 403',
    refusal(403, 'SignatureDoesNotMatch'),
    failed('UPSTREAM_IDENTITY_REFUSED', 502),
    false,
  ],
  [
    'IncompleteSignature',
    refusal(400, 'IncompleteSignature'),
    failed('UPSTREAM_IDENTITY_REFUSED', 502),
    false,
  ],
  [
    'InvalidAccessKeyId.NotFound',
    refusal(404, 'InvalidAccessKeyId.NotFound'),
    failed('UPSTREAM_IDENTITY_REFUSED', 502),
    false,
  ],
  [
    'InvalidAccessKeyId.Inactive',
    refusal(400, 'InvalidAccessKeyId.Inactive'),
    failed('UPSTREAM_IDENTITY_REFUSED', 502),
    false,
  ],
  [
    'InvalidSecurityToken.Expired',
    refusal(400, 'InvalidSecurityToken.Expired'),
    failed('UPSTREAM_IDENTITY_REFUSED', 502),
    false,
  ],
  [
    'MissingSecurityToken',
    refusal(400, 'MissingSecurityToken'),
    failed('UPSTREAM_IDENTITY_REFUSED', 502),
    false,
  ],
  [
    'InvalidTimeStamp.Expired',
    refusal(400, 'InvalidTimeStamp.Expired'),
    failed('UPSTREAM_IDENTITY_REFUSED', 502),
    false,
  ],
  ['IllegalTimestamp', refusal(400, 'IllegalTimestamp'), failed('UPSTREAM_IDENTITY_REFUSED', 502), false],
  ['Forbidden.RAM', refusal(403, 'Forbidden.RAM'), failed('UPSTREAM_FORBIDDEN', 502), false],
  ['MissingParameter', refusal(400, 'MissingParameter'), failed('UPSTREAM_ERROR', 502), false],
  ['InvalidParameter', refusal(400, 'InvalidParameter'), failed('UPSTREAM_ERROR', 502), false],
  ['UnsupportedHTTPMethod', refusal(403, 'UnsupportedHTTPMethod'), failed('UPSTREAM_ERROR', 502), false],
  ['InvalidAction.NotFound', refusal(404, 'InvalidAction.NotFound'), failed('UPSTREAM_ERROR', 502), false],
  // Codes that nobody documents, among them some that resemble documented ones.
  ['an undocumented 400', refusal(400, 'Gremlins'), 'unknown', false],
  ['an undocumented 403', refusal(403, 'Forbidden.RiskControl'), 'unknown', false],
  ['an undocumented 404', refusal(404, 'InvalidVpnGatewayId.NotFound'), 'unknown', false],
  ['an undocumented 500', refusal(500, 'Gremlins'), 'unknown', true],
  ['a documented code in lower case', refusal(400, 'taskconflict'), 'unknown', false],
  ['a property of every object', refusal(400, 'constructor'), 'unknown', false],
  ['the end of a documented code', refusal(400, 'Configuring'), 'unknown', false],
  ['a refusal under 500, which may be half done', refusal(500, 'TaskConflict'), 'unknown', true],
  ['NotFound under 503', refusal(503, 'InvalidVpnGatewayInstanceId.NotFound'), 'unknown', true],
  // No answer, or none that can be read.
  ['a web page', raw(502, '<html>', { 'content-type': 'text/html' }), 'unknown', true],
  ['200 with a web page', raw(200, '<html>', { 'content-type': 'text/html' }), 'unknown', true],
  ['an empty 200', raw(200, ''), 'unknown', true],
  ['an empty 403', raw(403, ''), 'unknown', true],
  ['200 without a RequestId', json(200, {}), 'unknown', true],
  ['200 with an error', json(200, { RequestId: 'R', Code: 'Forbidden', Message: 'm' }), 'unknown', false],
  ['a cut-off answer', cutOff, 'unknown', true],
  ['a broken connection', reset, 'unknown', true],
  ['a redirect', raw(302, '', { location: '/' }), 'unknown', true],
];

for (const [name, answer, expected, again] of table) {
  test(`a deletion answered with ${name}`, async () => {
    const { outcome, attempts } = await deletionAnswered(answer);
    assert.equal(attempts > 1, again, `${attempts} attempts`);
    assert.equal(outcome.attempts, attempts);
    if (expected === 'unknown') {
      assert.equal(outcome.kind, 'unknown');
      return;
    }
    assert.equal(outcome.kind, 'failed', JSON.stringify(outcome));
    const { problem } = outcome;
    assert.deepEqual([problem.code, problem.status], [expected.code, expected.status]);
    assert.equal(problem.options.upstream?.action, 'DeleteEnhancedVpnGateway');
    assert.ok(problem.options.upstream?.code && problem.options.upstream.requestId);
    assert.match(problem.detail, /^[A-Z].*\. Nothing was deleted\. [A-Z].*\.$/);
  });
}

test('every code that the table names has been answered over the wire', () => {
  const answered = table.map(([name]) => (name.split(',')[0] ?? '').replace(/^NotFound$/, gatewayNotFound));
  const untried = deleteErrors
    .map(({ on }) => on)
    .filter(
      (on) => !answered.some((code) => (on.endsWith('*') ? code.startsWith(on.slice(0, -1)) : code === on)),
    );
  assert.deepEqual(untried, []);
});

test('the table is whole, without two rows for one answer, and documented row by row', () => {
  const rows = [...deleteErrors, ...classErrors];
  assert.equal(new Set(rows.map(({ on }) => on)).size, rows.length);
  const markdown = errorTableMarkdown();
  assert.equal(markdown.trimEnd().split('\n').length, rows.length + 2);
  for (const line of markdown.trimEnd().split('\n')) assert.equal(line.split('|').length, 9, line);
  for (const row of rows) {
    assert.ok(markdown.includes(row.meaning) && markdown.includes(row.remedy));
    assert.match(row.meaning, /^[A-Z].*\.$/s);
    assert.match(row.remedy, /^[A-Z].*\.$/s);
    assert.equal(typeof errorTable[row.problem].status, 'number');
  }
});
