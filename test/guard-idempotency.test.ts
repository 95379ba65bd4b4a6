import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Caller, operator, startTestGateway, type TestGateway } from './support/gateway.ts';
import { startIssuer, type TestIssuer } from './support/issuer.ts';
import {
  calls,
  deletion,
  deletions,
  finishDeletion,
  operationIn,
  recordsOf,
  until,
} from './support/observe.ts';
import { signingKey } from './support/tokens.ts';

const [first, second] = ['vpn-demodeletable1', 'vpn-demodeletable2'] as const;

function remove(
  portcullis: TestGateway,
  gateway: string,
  key: string,
  more: { query?: string; caller?: Caller; authorization?: string } = {},
) {
  const { authorization, ...options } = more;
  const headers = {
    'Idempotency-Key': key,
    ...(authorization === undefined ? {} : { Authorization: authorization }),
  };
  return portcullis.remove(gateway, { ...options, headers });
}

test('the same key gives the operation in its present state, and deletes nothing', async () => {
  await using portcullis = await startTestGateway({ recovery: { intervalMs: 100, lookEveryMs: 100 } });
  const begun = await remove(portcullis, first, '"k-1"');
  assert.deepEqual([begun.status, begun.body.state], [200, 'accepted']);
  assert.equal(begun.headers['idempotency-replayed'], undefined);

  const replayed = await remove(portcullis, first, '"k-1"', { query: '?reason=in+other+words' });
  assert.equal(replayed.status, 200);
  assert.equal(replayed.headers['idempotency-replayed'], 'true');
  assert.equal(replayed.headers.location, begun.headers.location);
  assert.deepEqual(replayed.body, begun.body);
  const [record, ...more] = await recordsOf(portcullis, replayed);
  assert.deepEqual(
    [record?.kind, record?.result, record?.operationId],
    ['decision', 'replayed', begun.body.operationId],
  );
  assert.deepEqual(more, []);

  finishDeletion(portcullis.cloud, first);
  await operationIn(portcullis, begun.body.operationId, 'gone');
  const later = await remove(portcullis, first, '"k-1"');
  assert.deepEqual([later.status, later.body.state], [200, 'gone']);
  assert.equal(later.headers['idempotency-replayed'], 'true');
  assert.equal(deletions(portcullis.cloud).length, 1);
});

for (const [one, same] of [
  ['"abc"', 'abc'],
  ['abc', '"abc"'],
  ['"a\\"b\\\\c"', '"a\\"b\\\\c"'],
] as const) {
  test(`${one} and ${same} are one key`, async () => {
    await using portcullis = await startTestGateway();
    const begun = await remove(portcullis, first, one);
    const replayed = await remove(portcullis, first, same);
    assert.equal(replayed.headers['idempotency-replayed'], 'true');
    assert.equal(replayed.body.operationId, begun.body.operationId);
  });
}

test('keys in other letters are other keys', async () => {
  await using portcullis = await startTestGateway();
  await remove(portcullis, first, 'abc');
  const other = await remove(portcullis, second, 'ABC');
  assert.deepEqual([other.status, other.headers['idempotency-replayed']], [200, undefined]);
});

test('a key of another gateway or region: 422, and nothing is deleted', async () => {
  await using portcullis = await startTestGateway();
  const begun = await remove(portcullis, first, 'k');
  for (const [gateway, region] of [
    [second, 'cn-hangzhou'],
    [first, 'ap-southeast-1'],
  ] as const) {
    const reused = await portcullis.remove(gateway, { region, headers: { 'Idempotency-Key': 'k' } });
    assert.deepEqual([reused.status, reused.body.code], [422, 'IDEMPOTENCY_KEY_REUSED']);
    assert.equal(reused.body.operationId, begun.body.operationId);
  }
  assert.equal(deletions(portcullis.cloud).length, 1);
});

test('a key whose call is being made: 409 with its operation; afterwards its outcome', async () => {
  await using portcullis = await startTestGateway({ cloud: { readTimeoutMs: 1_000 } });
  const { cloud } = portcullis;
  cloud.faults.add({ kind: 'hang', action: deletion, when: 'before' });
  const running = remove(portcullis, first, 'k');
  await until(() => calls(cloud, deletion) === 1);
  const meanwhile = await remove(portcullis, first, 'k');
  assert.deepEqual([meanwhile.status, meanwhile.body.code], [409, 'OPERATION_IN_PROGRESS']);
  assert.equal(meanwhile.headers['retry-after'], '2');
  const elsewhere = await remove(portcullis, second, 'k');
  assert.equal(elsewhere.status, 422, 'that it is another gateway is known at once');
  const done = await running;
  assert.equal(done.status, 200);
  assert.equal(meanwhile.headers.location, `/v1/operations/${done.body.operationId}`);
  assert.equal((await remove(portcullis, first, 'k')).body.operationId, done.body.operationId);
  assert.equal(cloud.journal.effects().length, 1);
});

test('twenty concurrent requests with one key: one effect, one operation', async () => {
  await using portcullis = await startTestGateway();
  const answers = await Promise.all(Array.from({ length: 20 }, () => remove(portcullis, first, 'k')));
  const made = answers.filter(({ headers, status }) => status === 200 && !headers['idempotency-replayed']);
  assert.equal(made.length, 1);
  const operationId: string = made[0]?.body.operationId;
  for (const { status, body } of answers) {
    assert.ok(status === 200 || status === 409, `${status}`);
    if (status === 200) assert.equal(body.operationId, operationId);
  }
  assert.equal(deletions(portcullis.cloud).length, 1);
});

test('a key that began its deletion while the facts were read is not refused for what it did itself', async () => {
  for (const ended of [false, true]) {
    await using portcullis = await startTestGateway();
    const { cloud } = portcullis;
    const slow = ended ? 'DescribeVpnGateway' : 'DescribeVpnConnections';
    cloud.faults.add({ kind: 'latency', action: slow, ms: 600 });
    const late = remove(portcullis, first, 'k');
    await until(() => calls(cloud, 'GetCallerIdentity') === 1);
    const begun = await remove(portcullis, first, 'k');
    assert.deepEqual([begun.status, begun.body.state], [200, 'accepted']);
    if (ended) finishDeletion(cloud, first);
    const replayed = await late;
    assert.equal(replayed.status, 200, replayed.text);
    assert.equal(replayed.headers['idempotency-replayed'], 'true');
    assert.equal(replayed.body.operationId, begun.body.operationId);
    assert.equal(deletions(cloud).length, 1);
  }
});

test('two concurrent requests with one key for two gateways: one is deleted', async () => {
  await using portcullis = await startTestGateway();
  const answers = await Promise.all([remove(portcullis, first, 'k'), remove(portcullis, second, 'k')]);
  assert.equal(answers.filter(({ status }) => status === 200).length, 1);
  const refused = answers.find(({ status }) => status !== 200);
  assert.ok(refused?.status === 409 || refused?.status === 422, refused?.text);
  assert.equal(deletions(portcullis.cloud).length, 1);
});

test('a key with an unknown outcome: 202 again, and nothing is sent', async () => {
  await using portcullis = await startTestGateway({ cloud: { callDeadlineMs: 1_000 } });
  const { cloud } = portcullis;
  cloud.faults.add({ kind: 'reset', action: deletion, when: 'before', count: 1_000 });
  const begun = await remove(portcullis, first, 'k');
  assert.deepEqual([begun.status, begun.body.state], [202, 'unknown']);
  const sent = deletions(cloud).length;
  cloud.faults.clear();
  const replayed = await remove(portcullis, first, 'k');
  assert.deepEqual([replayed.status, replayed.body.state], [202, 'unknown']);
  assert.equal(replayed.headers['idempotency-replayed'], 'true');
  assert.equal(replayed.headers.location, begun.headers.location);
  assert.equal(deletions(cloud).length, sent);
});

test('a key whose deletion failed is answered with that failure, and another key tries again', async () => {
  await using portcullis = await startTestGateway();
  const { cloud } = portcullis;
  cloud.faults.add({ kind: 'error', action: deletion, status: 403, code: 'ForbiddenRelease' });
  const failed = await remove(portcullis, first, 'k');
  assert.deepEqual([failed.status, failed.body.code], [409, 'GATEWAY_PREPAID_IN_TERM']);
  const replayed = await remove(portcullis, first, 'k');
  assert.deepEqual([replayed.status, replayed.body.code], [409, 'GATEWAY_PREPAID_IN_TERM'], replayed.text);
  assert.equal(replayed.headers['idempotency-replayed'], 'true');
  assert.equal(replayed.body.operationId, failed.body.operationId);
  assert.equal(deletions(cloud).length, 1);
  assert.equal((await remove(portcullis, first, 'k2')).status, 200);
});

test('a refusal binds no key', async () => {
  await using portcullis = await startTestGateway();
  const { cloud } = portcullis;
  for (const gateway of ['vpn-demoprotected1', 'vpn-democonnected1', 'vpn-demonowhere1']) {
    const refused = await remove(portcullis, gateway, 'k');
    assert.ok(refused.status === 403 || refused.status === 404);
  }
  cloud.faults.add({ kind: 'error', action: 'DescribeVpnGateway', status: 403, code: 'Forbidden.RAM' });
  assert.equal((await remove(portcullis, first, 'k')).status, 502);
  const deleted = await remove(portcullis, first, 'k');
  assert.deepEqual([deleted.status, deleted.headers['idempotency-replayed']], [200, undefined]);
});

test('validateOnly neither binds a key nor asks for one', async () => {
  await using portcullis = await startTestGateway();
  const query = '?validateOnly=true';
  assert.equal((await remove(portcullis, first, 'k', { query })).body.validateOnly, true);
  const deleted = await remove(portcullis, second, 'k');
  assert.deepEqual([deleted.status, deleted.headers['idempotency-replayed']], [200, undefined]);
  const asked = await remove(portcullis, second, 'k', { query });
  assert.deepEqual([asked.status, asked.body.code], [403, 'POLICY_DENIED'], 'it is being deleted by now');
});

test('a key is its caller’s own: another subject, and the same subject of another issuer', async () => {
  const key = signingKey('ES256', 'k');
  await using one = await startIssuer('https://one.example', [key]);
  await using two = await startIssuer('https://two.example', [key]);
  await using portcullis = await startTestGateway({ issuers: [granting(one), granting(two)] });
  const bearer = (issuer: TestIssuer, sub: string) => {
    const iat = Math.floor(Date.now() / 1000);
    const claims = { sub, iat, exp: iat + 300, roles: operator.roles, teams: operator.teams };
    return `Bearer ${issuer.token(key, { claims })}`;
  };
  const callers = [bearer(one, 'a'), bearer(one, 'b'), bearer(two, 'a')];
  const gateways = [first, second, 'vpn-demoexpired1'];
  for (const [index, authorization] of callers.entries()) {
    const answer = await remove(portcullis, gateways[index] ?? '', 'k', { authorization });
    assert.deepEqual([answer.status, answer.headers['idempotency-replayed']], [200, undefined], answer.text);
  }
  for (const [index, authorization] of callers.entries()) {
    const own = await remove(portcullis, gateways[index] ?? '', 'k', { authorization });
    assert.equal(own.headers['idempotency-replayed'], 'true');
    assert.equal(own.body.resource.id, gateways[index]);
  }
  assert.equal(deletions(portcullis.cloud).length, 3);
});

test('who lost the permission is refused, key or no key', async () => {
  await using portcullis = await startTestGateway();
  await remove(portcullis, first, 'k');
  const refused = await remove(portcullis, first, 'k', { caller: { ...operator, roles: [] } });
  assert.deepEqual([refused.status, refused.body.violations[0].code], [403, 'CALLER_NOT_PERMITTED']);
});

function granting(issuer: TestIssuer) {
  return issuer.config({
    claims: { subject: 'sub', tenant: null, roles: 'roles', teams: 'teams' },
    grants: { roles: operator.roles, tenants: [] },
  });
}
