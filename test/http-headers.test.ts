import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { auditor, startTestGateway, type TestGateway } from './support/gateway.ts';

let portcullis: TestGateway;
before(async () => {
  portcullis = await startTestGateway({ trustedProxies: ['127.0.0.1'] });
});
after(() => portcullis[Symbol.asyncDispose]());

const goodIds = ['a', 'req-1.2_3', 'x'.repeat(128)];
const badIds = ['', ' ', 'a b', '-a', 'x'.repeat(129), 'a"b', 'a\tb', 'é'];

test('a well-formed X-Request-Id is taken over, any other replaced', async () => {
  for (const id of goodIds) {
    const { headers } = await portcullis.send('get', '/livez', { 'X-Request-Id': id });
    assert.equal(headers['x-request-id'], id);
  }
  for (const id of badIds) {
    const { headers } = await portcullis.send('get', '/livez', {
      'X-Request-Id': Buffer.from(id).toString('latin1'),
    });
    assert.notEqual(headers['x-request-id'], id);
    assert.match(headers['x-request-id'] ?? '', /^[0-9a-f-]{36}$/);
  }
});

const trace = '0af7651916cd43dd8448eb211c80319c';
const traceparents: readonly [string, boolean][] = [
  [`00-${trace}-b7ad6b7169203331-01`, true],
  [`cc-${trace}-b7ad6b7169203331-01-future`, true],
  [`ff-${trace}-b7ad6b7169203331-01`, false],
  [`00-${'0'.repeat(32)}-b7ad6b7169203331-01`, false],
  [`00-${trace}-${'0'.repeat(16)}-01`, false],
  [`00-${trace.toUpperCase()}-b7ad6b7169203331-01`, false],
  [`00-${trace}-b7ad6b7169203331`, false],
  ['nonsense', false],
];
for (const [given, continues] of traceparents) {
  test(`traceparent ${given} is ${continues ? 'continued' : 'begun anew'}`, async () => {
    const { headers } = await portcullis.send('get', '/livez', { traceparent: given });
    const [, traceId, spanId] = (headers.traceparent ?? '').split('-');
    assert.equal(traceId === trace, continues, headers.traceparent);
    assert.notEqual(spanId, 'b7ad6b7169203331', 'a span of its own');
  });
}

test('the ids of the answer stand in log and audit record', async () => {
  const { headers, body } = await portcullis.remove('vpn-demoprotected1', {
    headers: { 'X-Request-Id': 'caller-1', traceparent: `00-${trace}-b7ad6b7169203331-01` },
  });
  assert.equal(headers['x-request-id'], 'caller-1');
  assert.equal(body.requestId, 'caller-1');
  const line = portcullis.log.find((entry) => entry.requestId === 'caller-1');
  assert.equal(line?.traceId, trace);
  assert.equal(line?.gateway, 'vpn-demoprotected1');
  assert.equal(line?.code, 'POLICY_DENIED');
  assert.deepEqual(line?.violations, ['PROTECTED_BY_ID']);
  const { body: page } = await portcullis.send('get', '/v1/audit/records?resourceId=vpn-demoprotected1', {
    Authorization: `Bearer ${await portcullis.token(auditor)}`,
  });
  assert.deepEqual(page.records[0].origin, {
    requestId: 'caller-1',
    traceId: trace,
    sourceAddress: '127.0.0.1',
  });
});

test('X-Forwarded-For is believed of a trusted proxy, and of the nearest only', async () => {
  await portcullis.remove('vpn-demoprotected1', {
    headers: { 'X-Forwarded-For': '6.6.6.6, 203.0.113.7', 'X-Request-Id': 'forwarded' },
  });
  assert.equal(portcullis.log.find((entry) => entry.requestId === 'forwarded')?.source, '203.0.113.7');
  await using distrustful = await startTestGateway();
  await distrustful.remove('vpn-demoprotected1', {
    headers: { 'X-Forwarded-For': '203.0.113.7', 'X-Request-Id': 'forged' },
  });
  assert.equal(distrustful.log.find((entry) => entry.requestId === 'forged')?.source, '127.0.0.1');
});

test('every answer forbids caching, sniffing and framing, and names no software', async () => {
  for (const path of ['/livez', '/nowhere', '/v1/operations/op_x', '/openapi.yaml']) {
    const { headers } = await portcullis.send('get', path);
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.match(headers['content-security-policy'] ?? '', /frame-ancestors 'none'/);
    assert.equal(headers['x-powered-by'], undefined);
    assert.equal(headers.server, undefined);
  }
});

test('401 says Bearer, names no error where no token was sent, and never why', async () => {
  const none = await portcullis.send('get', '/v1/operations/op_x');
  assert.equal(none.headers['www-authenticate'], 'Bearer realm="portcullis"');
  const bad = await portcullis.send('get', '/v1/operations/op_x', { Authorization: 'Bearer x.y.z' });
  assert.equal(bad.headers['www-authenticate'], 'Bearer realm="portcullis", error="invalid_token"');
  assert.equal(none.body.detail, bad.body.detail);
});
