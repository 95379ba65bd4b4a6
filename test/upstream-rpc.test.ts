import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { createCredentialSource } from '../src/upstream/credentials.ts';
import type { RpcReply } from '../src/upstream/reply.ts';
import { createRpc } from '../src/upstream/rpc.ts';
import {
  type Answer,
  after,
  cutOff,
  cutOffChunked,
  json,
  ok,
  raw,
  refusal,
  reset,
  silence,
  startScriptedCloud,
} from './support/scripted-cloud.ts';
import { callOf, clientAt, closedPort, endpointsAt, gatewayId, keys, region } from './support/upstream.ts';

const action = 'DescribeVpnGateway';

async function replyTo(answer: Answer, readTimeoutMs = 5_000): Promise<RpcReply> {
  await using cloud = await startScriptedCloud();
  using client = clientAt(cloud.host, { connectTimeoutMs: 2_000, readTimeoutMs });
  cloud.answer(action, answer);
  return await client.rpc(callOf(action));
}

test('HTTP 200 with a RequestId is ok, and its body is handed on', async () => {
  const reply = await replyTo(json(200, { RequestId: 'REQ-1', VpnGatewayId: gatewayId }));
  assert.deepEqual(reply, {
    kind: 'ok',
    requestId: 'REQ-1',
    regionId: region,
    body: { RequestId: 'REQ-1', VpnGatewayId: gatewayId },
  });
});

test('a documented error is refused with its status, code, request id and retry time', async () => {
  const header = { 'x-acs-retry-after': '1234' };
  assert.deepEqual(await replyTo(refusal(429, 'Throttling.User', header)), {
    kind: 'refused',
    httpStatus: 429,
    code: 'Throttling.User',
    message: 'About Throttling.User.',
    requestId: 'REQ-Throttling.User',
    retryAfterMs: 1234,
  });
  for (const value of ['soon', '-1', '1.5', '99999999999']) {
    const reply = await replyTo(refusal(429, 'Throttling', { 'x-acs-retry-after': value }));
    assert.equal(reply.kind === 'refused' ? reply.retryAfterMs : 'not refused', null, value);
  }
});

const odd: [name: string, answer: Answer, reason: string, httpStatus: number | null][] = [
  ['200 without a body', raw(200, ''), 'unreadable', 200],
  ['200 with a web page', raw(200, '<html>', { 'content-type': 'text/html' }), 'unreadable', 200],
  ['200 with null', raw(200, 'null'), 'unreadable', 200],
  ['200 with a number', raw(200, '7'), 'unreadable', 200],
  ['200 with a list', raw(200, '[]'), 'unreadable', 200],
  ['200 with half a JSON', raw(200, '{"RequestId":"R'), 'unreadable', 200],
  ['200 without a RequestId', json(200, { VpnGatewayId: 'x' }), 'no_request_id', 200],
  ['200 with an empty RequestId', json(200, { RequestId: '' }), 'no_request_id', 200],
  ['200 with a RequestId of another type', json(200, { RequestId: 1 }), 'no_request_id', 200],
  ['200 with a RequestId of control characters', json(200, { RequestId: 'a\nb' }), 'no_request_id', 200],
  ['200 with an endless RequestId', json(200, { RequestId: 'x'.repeat(129) }), 'no_request_id', 200],
  [
    '200 with an error code',
    json(200, { RequestId: 'R', Code: 'Nope', Message: 'm' }),
    'error_in_success',
    200,
  ],
  ['200 with Success false', json(200, { RequestId: 'R', Success: false }), 'error_in_success', 200],
  ['200 cut off', cutOff, 'connection_lost', 200],
  ['200 cut off between chunks', cutOffChunked, 'connection_lost', 200],
  ['201', json(201, { RequestId: 'R' }), 'unreadable', 201],
  ['202', json(202, { RequestId: 'R' }), 'unreadable', 202],
  ['204', raw(204, ''), 'unreadable', 204],
  ['302 with JSON', json(302, { RequestId: 'R' }, { location: 'http://example.invalid/' }), 'redirect', 302],
  ['302 with a web page', raw(302, 'moved', { location: '/elsewhere' }), 'redirect', 302],
  ['307 to itself', raw(307, '', { location: '/' }), 'redirect', 307],
  ['400 without a body', raw(400, ''), 'unreadable', 400],
  ['400 with null', raw(400, 'null'), 'unreadable', 400],
  ['400 with a text', raw(400, '"no"'), 'unreadable', 400],
  ['400 with {}', json(400, {}), 'unreadable', 400],
  ['400 without a code', json(400, { RequestId: 'R', Message: 'm' }), 'unreadable', 400],
  ['400 without a RequestId', json(400, { Code: 'TaskConflict', Message: 'm' }), 'unreadable', 400],
  ['400 without a message', json(400, { Code: 'TaskConflict', RequestId: 'R' }), 'unreadable', 400],
  [
    '400 with a code of another type',
    json(400, { Code: 5, Message: 'm', RequestId: 'R' }),
    'unreadable',
    400,
  ],
  ['400 with a code of spaces', json(400, { Code: 'a b', Message: 'm', RequestId: 'R' }), 'unreadable', 400],
  [
    '404 with an error in XML',
    raw(
      404,
      '<Error><Code>InvalidVpnGatewayInstanceId.NotFound</Code><Message>m</Message><RequestId>R</RequestId></Error>',
      { 'content-type': 'text/xml;charset=utf-8' },
    ),
    'unreadable',
    404,
  ],
  [
    '502 with a web page',
    raw(502, '<html>Bad Gateway</html>', { 'content-type': 'text/html' }),
    'unreadable',
    502,
  ],
  ['503 without a body', raw(503, ''), 'unreadable', 503],
  ['a connection that breaks at once', reset, 'connection_lost', null],
  [
    'a body larger than is read',
    json(200, { RequestId: 'R', Name: 'x'.repeat(9_000_000) }),
    'unreadable',
    200,
  ],
];
for (const [name, answer, reason, httpStatus] of odd) {
  test(`${name} is ambiguous`, async () => {
    const reply = await replyTo(answer);
    assert.equal(reply.kind, 'ambiguous', JSON.stringify(reply));
    assert.deepEqual([reply.reason, reply.httpStatus], [reason, httpStatus]);
  });
}

test('an answer that is no HTTP is ambiguous', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end('SSH-2.0-Server\r\n');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  using client = clientAt(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  const reply = await client.rpc(callOf(action));
  server.close();
  assert.equal(reply.kind, 'ambiguous');
  assert.equal(reply.reason, 'unreadable');
});

test('silence is a timeout and ambiguous, whatever the client calls it', async () => {
  const reply = await replyTo(silence, 80);
  assert.deepEqual([reply.kind, 'reason' in reply && reply.reason], ['ambiguous', 'timeout']);
});

test('an answer that drips without an end is a timeout', async () => {
  const drip: Answer = (res) => {
    res.writeHead(200, { 'content-type': 'application/json' });
    const timer = setInterval(() => res.write(' '), 10);
    res.on('close', () => clearInterval(timer));
  };
  const reply = await replyTo(drip, 120);
  assert.deepEqual([reply.kind, 'reason' in reply && reply.reason], ['ambiguous', 'timeout']);
});

test('the time to connect does not limit the time to answer', async () => {
  await using cloud = await startScriptedCloud();
  using client = clientAt(cloud.host, { connectTimeoutMs: 40, readTimeoutMs: 20_000 });
  cloud.answer(action, after(400, ok));
  assert.equal((await client.rpc(callOf(action))).kind, 'ok');
});

test('a call allows itself less time than the client does', async () => {
  await using cloud = await startScriptedCloud();
  using client = clientAt(cloud.host, { connectTimeoutMs: 2_000, readTimeoutMs: 60_000 });
  cloud.answer(action, silence);
  const reply = await client.rpc(callOf(action, { timeoutMs: 60 }));
  assert.deepEqual([reply.kind, 'reason' in reply && reply.reason], ['ambiguous', 'timeout']);
});

test('the time limit of an earlier call does not end a later one on the same connection', async () => {
  await using cloud = await startScriptedCloud();
  using client = clientAt(cloud.host);
  cloud.answer(action, ok, after(300, ok));
  assert.equal((await client.rpc(callOf(action, { timeoutMs: 100 }))).kind, 'ok');
  assert.equal((await client.rpc(callOf(action, { timeoutMs: 20_000 }))).kind, 'ok');
});

test('a refused connection was certainly not sent', async () => {
  using client = clientAt(await closedPort());
  assert.deepEqual(await client.rpc(callOf(action)), {
    kind: 'not_sent',
    reason: 'no_connection',
    cause: 'ECONNREFUSED',
  });
});

test('a name that does not resolve was certainly not sent', async () => {
  using client = createRpc(
    {
      regions: [region],
      endpoints: { endpoint: 'cloud.invalid', stsEndpoint: null, protocol: 'https', network: 'public' },
      connectTimeoutMs: 5_000,
      readTimeoutMs: 5_000,
    },
    createCredentialSource({ kind: 'static', ...keys }),
  );
  const reply = await client.rpc(callOf(action));
  assert.deepEqual([reply.kind, 'reason' in reply && reply.reason], ['not_sent', 'no_connection']);
});

test('a reused connection that breaks is ambiguous: it was connected', async () => {
  await using cloud = await startScriptedCloud();
  using client = clientAt(cloud.host);
  cloud.answer(action, ok, reset);
  assert.equal((await client.rpc(callOf(action))).kind, 'ok');
  const reply = await client.rpc(callOf(action));
  assert.deepEqual([reply.kind, 'reason' in reply && reply.reason], ['ambiguous', 'connection_lost']);
});

test('an aborted call was not sent before its request, and is ambiguous after it', async () => {
  await using cloud = await startScriptedCloud();
  using client = clientAt(cloud.host);
  cloud.answer(action, silence);
  const early = await client.rpc(callOf(action, { signal: AbortSignal.abort() }));
  assert.deepEqual([early.kind, 'reason' in early && early.reason], ['not_sent', 'aborted_before_sending']);
  assert.equal(cloud.requests.length, 0);

  const stop = new AbortController();
  const pending = client.rpc(callOf(action, { signal: stop.signal }));
  await cloud.received(action, 1);
  stop.abort();
  const late = await pending;
  assert.deepEqual([late.kind, 'reason' in late && late.reason], ['ambiguous', 'aborted_in_flight']);
});

test('no credentials: nothing is sent, and the chain is not quoted', async () => {
  await using cloud = await startScriptedCloud();
  using client = createRpc(
    { regions: [region], endpoints: endpointsAt(cloud.host), connectTimeoutMs: 1_000, readTimeoutMs: 1_000 },
    () => Promise.reject(new Error(`no keys in /home/someone, ${keys.accessKeySecret}`)),
  );
  assert.deepEqual(await client.rpc(callOf(action)), {
    kind: 'not_sent',
    reason: 'credentials_unavailable',
    cause: 'Error',
  });
  assert.equal(cloud.requests.length, 0);
});

test('credentials that never come: nothing is sent', async () => {
  await using cloud = await startScriptedCloud();
  using client = createRpc(
    { regions: [region], endpoints: endpointsAt(cloud.host), connectTimeoutMs: 1_000, readTimeoutMs: 1_000 },
    () => new Promise(() => undefined),
  );
  const reply = await client.rpc(callOf(action, { timeoutMs: 30 }));
  assert.deepEqual([reply.kind, 'reason' in reply && reply.reason], ['not_sent', 'credentials_unavailable']);
  assert.equal(cloud.requests.length, 0);
});

test('a region that is not in the list is not called', async () => {
  await using cloud = await startScriptedCloud();
  using client = clientAt(cloud.host);
  for (const regionId of ['cn-hangzhou', '', 'eu-central-1.evil.example#', '__proto__']) {
    const reply = await client.rpc(callOf(action, { regionId }));
    assert.deepEqual([reply.kind, 'reason' in reply && reply.reason], ['not_sent', 'region_not_allowed']);
  }
  assert.equal(cloud.requests.length, 0);
});

test('the request is a signed POST of exactly the parameters given, each with its own nonce', async () => {
  await using cloud = await startScriptedCloud();
  using client = clientAt(cloud.host);
  cloud.answer(action, ok);
  const parameters = { RegionId: region, VpnGatewayId: gatewayId, ClientToken: "pc-a b+c*'" };
  await client.rpc(callOf(action, { parameters }));
  await client.rpc(callOf(action, { parameters }));
  const [first, second] = cloud.requests;
  assert.ok(first !== undefined && second !== undefined);
  assert.equal(first.method, 'POST');
  assert.deepEqual(first.parameters, parameters);
  assert.equal(first.headers['x-acs-version'], '2016-04-28');
  assert.equal(first.headers['x-acs-security-token'], keys.securityToken);
  assert.match(String(first.headers.authorization), /^ACS3-HMAC-SHA256 Credential=LTAI5tTestKeyIdAbcdefgh1,/);
  assert.match(String(first.headers.authorization), /SignedHeaders=[^,]*x-acs-signature-nonce/);
  assert.notEqual(first.headers['x-acs-signature-nonce'], second.headers['x-acs-signature-nonce']);
});

test('concurrent calls keep their own answers', async () => {
  await using cloud = await startScriptedCloud();
  using client = clientAt(cloud.host);
  cloud.answer('A', after(30, refusal(429, 'Throttling', { 'x-acs-retry-after': '11' })));
  cloud.answer('B', after(10, refusal(400, 'TaskConflict')));
  cloud.answer('C', after(20, raw(502, '<html>')));
  const [a, b, c] = await Promise.all(['A', 'B', 'C'].map((name) => client.rpc(callOf(name))));
  assert.deepEqual(
    [a?.kind === 'refused' && a.retryAfterMs, b?.kind === 'refused' && b.retryAfterMs],
    [11, null],
  );
  assert.equal(c?.kind === 'ambiguous' && c.httpStatus, 502);
});

test('no reply quotes keys, tokens or a string to sign', async () => {
  const quoting = `server string to sign is:POST&${keys.accessKeyId}&${keys.securityToken}`;
  const replies = [
    await replyTo(json(400, { Code: 'SignatureDoesNotMatch', Message: quoting, RequestId: 'R' })),
    await replyTo(
      json(400, { Code: 'InvalidAccessKeyId.NotFound', Message: keys.accessKeyId, RequestId: 'R' }),
    ),
    await replyTo(json(403, { Code: 'Forbidden', Message: `by ${keys.accessKeyId} no`, RequestId: 'R' })),
    await replyTo(json(403, { Code: 'Forbidden', Message: `token ${keys.securityToken}`, RequestId: 'R' })),
    await replyTo(json(403, { Code: 'Forbidden', Message: 'other LTAI5tOtherKeyId12345', RequestId: 'R' })),
    await replyTo(json(400, { Code: 'Odd', Message: quoting, RequestId: 'R' })),
    await replyTo(reset),
    await replyTo(raw(400, quoting)),
  ];
  for (const reply of replies) {
    const text = JSON.stringify(reply);
    assert.doesNotMatch(text, /LTAI|CAIStest|secretSecret|to sign is|VpnGatewayId/, text);
  }
});

test("the cloud's words are bounded and on one line", async () => {
  const reply = await replyTo(
    json(400, { Code: 'Odd', Message: `a\r\nb\u202e${'x'.repeat(5_000)}`, RequestId: 'R' }),
  );
  assert.ok(reply.kind === 'refused');
  assert.ok(reply.message.length <= 301);
  assert.doesNotMatch(reply.message, /[\p{Cc}\p{Cf}]/u);
});
