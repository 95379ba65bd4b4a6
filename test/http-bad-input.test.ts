import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { auditor, startTestGateway, type TestGateway } from './support/gateway.ts';

let portcullis: TestGateway;
let authorization: string;
before(async () => {
  portcullis = await startTestGateway();
  authorization = `Bearer ${await portcullis.token()}`;
});
after(() => portcullis[Symbol.asyncDispose]());

const path = '/v1/regions/cn-hangzhou/enhanced-vpn-gateways';
const good = `${path}/vpn-demodeletable1`;

const bad: readonly [string, string, Record<string, string>, string][] = [
  ['an unknown parameter', `${good}?force=true`, {}, 'force'],
  ['a parameter in another case', `${good}?Reason=x`, {}, 'Reason'],
  ['a parameter named like a property of every object', `${good}?__proto__=x`, {}, '__proto__'],
  ['a parameter with brackets', `${good}?reason[]=x`, {}, 'reason[]'],
  ['a repeated parameter', `${good}?reason=a&reason=b`, {}, 'reason'],
  ['a repeated parameter, once encoded', `${good}?reason=a&%72eason=b`, {}, 'reason'],
  ['an empty pair', `${good}?reason=a&`, {}, 'query'],
  ['an empty reason', `${good}?reason=`, {}, 'reason'],
  ['a reason of spaces', `${good}?reason=%20%20`, {}, 'reason'],
  ['a reason without a value', `${good}?reason`, {}, 'reason'],
  ['a reason of 501 characters', `${good}?reason=${'a'.repeat(501)}`, {}, 'reason'],
  ['a reason with a line break', `${good}?reason=a%0Ab`, {}, 'reason'],
  ['a reason with a NUL', `${good}?reason=a%00b`, {}, 'reason'],
  ['a reason with an escape sequence', `${good}?reason=%1b%5b2J`, {}, 'reason'],
  ['a reason that reads backwards', `${good}?reason=%E2%80%AEx`, {}, 'reason'],
  ['a reason in broken UTF-8', `${good}?reason=%ff`, {}, 'reason'],
  ['a reason in an overlong encoding', `${good}?reason=%c0%af`, {}, 'reason'],
  ['a reason with a lone surrogate', `${good}?reason=%ed%a0%80`, {}, 'reason'],
  ['a reason with a broken escape', `${good}?reason=%zz`, {}, 'reason'],
  ['a ticket with spaces', `${good}?ticket=a%20b`, {}, 'ticket'],
  ['an empty ticket', `${good}?ticket=`, {}, 'ticket'],
  ['a ticket of 101 characters', `${good}?ticket=${'a'.repeat(101)}`, {}, 'ticket'],
  ['validateOnly in another word', `${good}?validateOnly=yes`, {}, 'validateOnly'],
  ['validateOnly without a value', `${good}?validateOnly`, {}, 'validateOnly'],
  ['validateOnly in capitals', `${good}?validateOnly=TRUE`, {}, 'validateOnly'],
  ['an id of another kind', `${path}/eip-1`, {}, 'vpnGatewayId'],
  ['an id in capitals', `${path}/vpn-ABC`, {}, 'vpnGatewayId'],
  ['an id with a line break at its end', `${path}/vpn-abc%0a`, {}, 'vpnGatewayId'],
  ['an id with a slash inside', `${path}/vpn-a%2Fb`, {}, 'vpnGatewayId'],
  ['an id with a dot', `${path}/vpn-a.b`, {}, 'vpnGatewayId'],
  ['an id with a NUL', `${path}/vpn-a%00`, {}, 'vpnGatewayId'],
  ['an id of letters from elsewhere', `${path}/vpn-%D0%B0`, {}, 'vpnGatewayId'],
  ['an id too long', `${path}/vpn-${'a'.repeat(61)}`, {}, 'vpnGatewayId'],
  [
    'a region that would leave the host name',
    '/v1/regions/cn-x.evil.example%2F/enhanced-vpn-gateways/vpn-a',
    {},
    'regionId',
  ],
  ['a region in capitals', '/v1/regions/CN-HANGZHOU/enhanced-vpn-gateways/vpn-a', {}, 'regionId'],
  ['a path in broken encoding', `${path}/vpn-%zz`, {}, 'path'],
  ['an empty key', good, { 'Idempotency-Key': '""' }, 'Idempotency-Key'],
  ['a key with an open quote', good, { 'Idempotency-Key': '"abc' }, 'Idempotency-Key'],
  ['a key of 256 characters', good, { 'Idempotency-Key': 'k'.repeat(256) }, 'Idempotency-Key'],
  ['a key with a space', good, { 'Idempotency-Key': 'a b' }, 'Idempotency-Key'],
  ['a bare list of keys', good, { 'Idempotency-Key': '"a", "b"' }, 'Idempotency-Key'],
];
for (const [name, target, headers, field] of bad) {
  test(`400: ${name}`, async () => {
    const response = await portcullis.send('delete', target, { Authorization: authorization, ...headers });
    assert.equal(response.status, 400, response.text);
    assert.equal(response.body.code, 'INVALID_REQUEST');
    assert.deepEqual(response.body.fields, [field]);
    assert.ok(response.body.detail.includes('Nothing was deleted'), response.body.detail);
  });
}

test('none of it reached the cloud, and each has its audit record', async () => {
  assert.deepEqual(
    portcullis.cloud.journal.entries().filter((entry) => entry.action.startsWith('Delete')),
    [],
  );
  const reader = `Bearer ${await portcullis.token(auditor)}`;
  const { body } = await portcullis.send('get', '/v1/audit/records?code=INVALID_REQUEST&limit=1000', {
    Authorization: reader,
  });
  assert.equal(body.records.length, bad.length);
});

const raw: readonly [string, string, number, RegExp][] = [
  [
    'a body',
    `DELETE ${good} HTTP/1.1\r\nHost: h\r\nAuthorization: @\r\nContent-Length: 2\r\n\r\n{}`,
    400,
    /"fields":\["body"\]/,
  ],
  [
    'a chunked body',
    `DELETE ${good} HTTP/1.1\r\nHost: h\r\nAuthorization: @\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
    /"fields":\["body"\]/,
  ],
  [
    'two framings at once',
    `DELETE ${good} HTTP/1.1\r\nHost: h\r\nAuthorization: @\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
    /INVALID_REQUEST/,
  ],
  [
    'two lengths',
    `DELETE ${good} HTTP/1.1\r\nHost: h\r\nAuthorization: @\r\nContent-Length: 0\r\nContent-Length: 1\r\n\r\n`,
    400,
    /INVALID_REQUEST/,
  ],
  [
    'two tokens',
    `DELETE ${good} HTTP/1.1\r\nHost: h\r\nAuthorization: @\r\nAuthorization: @\r\n\r\n`,
    401,
    /UNAUTHENTICATED/,
  ],
  [
    'two keys',
    `DELETE ${good} HTTP/1.1\r\nHost: h\r\nAuthorization: @\r\nIdempotency-Key: a\r\nIdempotency-Key: a\r\n\r\n`,
    400,
    /"fields":\["Idempotency-Key"\]/,
  ],
  ['no host', `DELETE ${good} HTTP/1.1\r\nAuthorization: @\r\n\r\n`, 400, /^/],
  [
    'a header of 20 KiB',
    `DELETE ${good} HTTP/1.1\r\nHost: h\r\nX-Long: ${'a'.repeat(20_480)}\r\n\r\n`,
    431,
    /HEADERS_TOO_LARGE/,
  ],
  ['no HTTP at all', 'hello\r\n\r\n', 400, /INVALID_REQUEST/],
  [
    'a bare line feed as line end',
    `DELETE ${good} HTTP/1.1\nHost: h\nAuthorization: @\n\n`,
    400,
    /INVALID_REQUEST/,
  ],
  [
    'a space before the colon',
    `DELETE ${good} HTTP/1.1\r\nHost: h\r\nAuthorization : @\r\n\r\n`,
    400,
    /INVALID_REQUEST/,
  ],
];
for (const [name, text, status, body] of raw) {
  test(`refused on the wire: ${name}`, async () => {
    const answer = await exchange(text.replaceAll('@', authorization));
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), answer);
    assert.match(answer, body);
    assert.equal(portcullis.cloud.cloud.gateway('cn-hangzhou', 'vpn-demodeletable1') !== null, true);
  });
}

async function exchange(text: string): Promise<string> {
  const { hostname, port } = new URL(portcullis.gateway.url);
  const socket = connect(Number(port), hostname);
  socket.setTimeout(5_000, () => socket.destroy());
  socket.write(text.replace('\r\n', '\r\nConnection: close\r\n'));
  let answer = '';
  for await (const chunk of socket) answer += chunk;
  return answer;
}
