import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import openapi, { Config, OpenApiRequest } from '@alicloud/openapi-client';
import { RuntimeOptions } from '@alicloud/tea-util';
import vpc from '@alicloud/vpc20160428';
import type { Emulator } from '../src/emulator/server.ts';
import {
  type Clock,
  emulatorWith,
  foreignKey,
  frozenClock,
  gateway,
  key,
  officialClient,
  region,
  secondKey,
  temporaryKey,
} from './support/emulator.ts';
import {
  capture,
  type Signing,
  send,
  signing,
  signV2,
  signV3,
  timestamp,
  type Wire,
  type WireAnswer,
  withBody,
  withHeader,
} from './support/rpc-wire.ts';

const id = 'vpn-target1';
const action = 'DeleteEnhancedVpnGateway';
const ours = { RegionId: region, VpnGatewayId: id };
const minute = 60_000;

async function start(clock: Clock = frozenClock()): Promise<Emulator> {
  return emulatorWith([gateway(id), gateway('vpn-target2')], { clock });
}

/** Refused in the API's own form, and without any effect. */
function assertRefused(
  cloud: Emulator,
  answer: WireAnswer,
  status: number,
  code: string,
  message: RegExp,
): void {
  const { RequestId, HostId, Code, Message, Recommend, ...rest } = answer.body;
  assert.deepEqual([answer.status, Code], [status, code], answer.text);
  assert.match(Message ?? '', message);
  assert.match(RequestId ?? '', /^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/);
  assert.match(HostId ?? '', /^[\w.]+(:\d+)?$/);
  assert.equal(Recommend, `https://error-center.aliyun.com/status/search?Keyword=${code}&source=PopGw`);
  assert.deepEqual(rest, {});
  assert.match(answer.headers['content-type'] ?? '', /^application\/json/);
  assert.deepEqual(cloud.journal.effects(), []);
  assert.equal(cloud.journal.entries().at(-1)?.code, code);
}

const captureV3 = () =>
  capture((port) =>
    officialClient(port).deleteEnhancedVpnGateway(
      new vpc.DeleteEnhancedVpnGatewayRequest({ regionId: region, vpnGatewayId: id, clientToken: 'token-1' }),
    ),
  );
const captureV2 = () =>
  capture((port) => {
    const { accessKeyId, accessKeySecret } = key;
    const client = new openapi.default(
      new Config({ accessKeyId, accessKeySecret, endpoint: `127.0.0.1:${port}`, regionId: region }),
    );
    const call = new OpenApiRequest({ query: ours });
    return client.doRPCRequest(
      action,
      '2016-04-28',
      'HTTP',
      'POST',
      'AK',
      'json',
      call,
      new RuntimeOptions({}),
    );
  });

type Tampering = [name: string, change: (wire: Wire) => Wire, status: number, code: string, message: RegExp];
const mismatch = /^Specified signature is not matched with our calculation\. server string to sign is:/;
const inQuery = (from: string | RegExp, to: string) => (wire: Wire) => {
  const target = wire.target.replace(from, to);
  assert.notEqual(target, wire.target, 'the change changes something');
  return { ...wire, target };
};
const contentType = 'application/x-www-form-urlencoded';
const withForm = (body: string) => (wire: Wire) =>
  withHeader(withBody(wire, body), 'content-type', contentType);

const tamperings: Record<'v3' | 'v2', Tampering[]> = {
  v3: [
    ['another id', inQuery(id, 'vpn-target2'), 400, 'SignatureDoesNotMatch', mismatch],
    ['a parameter more', inQuery('?', '?DryRun=true&'), 400, 'SignatureDoesNotMatch', mismatch],
    ['a parameter less', inQuery(/ClientToken=[^&]*&?/, ''), 400, 'SignatureDoesNotMatch', mismatch],
    [
      'another action',
      (wire) => withHeader(wire, 'x-acs-action', 'DescribeVpnGateway'),
      400,
      'SignatureDoesNotMatch',
      mismatch,
    ],
    [
      'another host',
      (wire) => withHeader(wire, 'host', 'vpc.aliyuncs.com'),
      400,
      'SignatureDoesNotMatch',
      mismatch,
    ],
    ['another method', (wire) => ({ ...wire, method: 'GET' }), 400, 'SignatureDoesNotMatch', mismatch],
    [
      'another nonce',
      (wire) => withHeader(wire, 'x-acs-signature-nonce', 'fresh'),
      400,
      'SignatureDoesNotMatch',
      mismatch,
    ],
    [
      'another time',
      (wire) => withHeader(wire, 'x-acs-date', timestamp(Date.now() + 1_000)),
      400,
      'SignatureDoesNotMatch',
      mismatch,
    ],
    [
      'a body, its type unsigned',
      withForm('Force=true'),
      400,
      'IncompleteSignature',
      /^The request signature does not conform to Aliyun standards: the header content-type is not signed/,
    ],
    [
      'an x-acs header that is not signed',
      (wire) => withHeader(wire, 'x-acs-extra', 'here'),
      400,
      'IncompleteSignature',
      /the header x-acs-extra is not signed/,
    ],
    [
      'an x-acs header taken out of the signed ones',
      (wire) => ({
        ...wire,
        headers: wire.headers.map(([name, value]) => [name, value.replace('x-acs-action;', '')]),
      }),
      400,
      'IncompleteSignature',
      /the header x-acs-action is not signed/,
    ],
    [
      'a security token that the key has not',
      (wire) => withHeader(wire, 'x-acs-security-token', 'any'),
      400,
      'IncompleteSignature',
      /x-acs-security-token is not signed/,
    ],
    [
      'the credential of another key',
      (wire) => ({
        ...wire,
        headers: wire.headers.map(([name, value]) => [
          name,
          value.replace(key.accessKeyId, secondKey.accessKeyId),
        ]),
      }),
      400,
      'SignatureDoesNotMatch',
      mismatch,
    ],
    [
      'an Authorization header of another scheme',
      (wire) => withHeader(wire, 'authorization', 'Bearer abc'),
      400,
      'IncompleteSignature',
      /the Authorization header is malformed/,
    ],
    [
      'no Authorization header',
      (wire) => withHeader(wire, 'authorization', null),
      400,
      'MissingParameter',
      /"Action" that is mandatory/,
    ],
    [
      'a parameter twice in the query',
      inQuery('?', `?VpnGatewayId=${id}&`),
      400,
      'InvalidParameter',
      /the parameter VpnGatewayId is given twice/,
    ],
    [
      'a parameter in query and body',
      withForm(`VpnGatewayId=${id}`),
      400,
      'InvalidParameter',
      /the parameter VpnGatewayId is given twice/,
    ],
    [
      'a header twice',
      (wire) => ({ ...wire, headers: [...wire.headers, ['X-Acs-Action', 'DescribeVpnGateway']] }),
      400,
      'InvalidParameter',
      /the header x-acs-action is given twice/,
    ],
    [
      'another Action as a parameter',
      inQuery('?', '?Action=DescribeVpnGateway&'),
      400,
      'InvalidParameter',
      /header and parameter name different values of Action/,
    ],
    [
      'another Version as a parameter',
      inQuery('?', '?Version=2014-05-26&'),
      400,
      'InvalidParameter',
      /header and parameter name different values of Version/,
    ],
    ['broken encoding', inQuery('?', '?Name=%E4%BD&'), 400, 'InvalidParameter', /broken percent-encoding/],
    ['another path', inQuery('/?', '/other?'), 404, 'InvalidAction.NotFound', /Specified api is not found/],
    [
      'a method of its own',
      (wire) => ({ ...wire, method: 'PUT' }),
      405,
      'UnsupportedHTTPMethod',
      /GET or POST/,
    ],
    [
      'a body of another type',
      (wire) =>
        withHeader(withBody(wire, '{"VpnGatewayId":"vpn-target2"}'), 'content-type', 'application/json'),
      400,
      'InvalidParameter',
      /a body must be application\/x-www-form-urlencoded/,
    ],
    [
      'a body too large',
      withForm(`Name=${'x'.repeat(70_000)}`),
      413,
      'RequestEntityTooLarge',
      /larger than 64 KiB/,
    ],
  ],
  v2: [
    ['another id', inQuery(id, 'vpn-target2'), 400, 'SignatureDoesNotMatch', mismatch],
    ['a parameter more', inQuery('?', '?DryRun=true&'), 400, 'SignatureDoesNotMatch', mismatch],
    [
      'another Action',
      (wire) => withHeader(inQuery(action, 'DescribeVpnGateway')(wire), 'x-acs-action', 'DescribeVpnGateway'),
      400,
      'SignatureDoesNotMatch',
      mismatch,
    ],
    ['another method', (wire) => ({ ...wire, method: 'GET' }), 400, 'SignatureDoesNotMatch', mismatch],
    ['a body', withForm('Force=true'), 400, 'SignatureDoesNotMatch', mismatch],
    [
      'a security token that the key has not',
      inQuery('?', '?SecurityToken=any&'),
      400,
      'InvalidSecurityToken.MismatchWithAccessKey',
      /SecurityToken/,
    ],
    [
      'another action in the header, which is not signed',
      (wire) => withHeader(wire, 'x-acs-action', 'DescribeVpnGateway'),
      400,
      'InvalidParameter',
      /different values of Action/,
    ],
    [
      'the action in the header only',
      (wire) => withHeader(inQuery(/&?Action=[^&]*/, '')(wire), 'x-acs-action', action),
      400,
      'MissingParameter',
      /"Action" that is mandatory/,
    ],
    [
      'another version in the header',
      (wire) => withHeader(wire, 'x-acs-version', '2014-05-26'),
      400,
      'InvalidParameter',
      /different values of Version/,
    ],
    ['no key', inQuery(/AccessKeyId=[^&]*&?/, ''), 400, 'MissingAccessKeyId', /^AccessKeyId is mandatory/],
    [
      'the key of another',
      inQuery(key.accessKeyId, secondKey.accessKeyId),
      400,
      'SignatureDoesNotMatch',
      mismatch,
    ],
    [
      'no signature',
      inQuery(/([?&])Signature=[^&]*/, '$1'),
      400,
      'MissingSignature',
      /^Signature is mandatory/,
    ],
    [
      'another signature method',
      inQuery('HMAC-SHA1', 'HMAC-MD5'),
      400,
      'IncompleteSignature',
      /SignatureMethod must be HMAC-SHA1/,
    ],
    [
      'a parameter in query and body',
      withForm(`VpnGatewayId=${id}`),
      400,
      'InvalidParameter',
      /the parameter VpnGatewayId is given twice/,
    ],
  ],
};

for (const [form, captured] of [
  ['v3', captureV3],
  ['v2', captureV2],
] as const) {
  void describe(`a request of an official client, signed as ${form}`, () => {
    test('is accepted as it is, once', async () => {
      await using cloud = await start();
      const wire = await captured();
      assert.equal((await send(cloud.port, wire)).status, 200);
      const again = await send(cloud.port, wire);
      assert.deepEqual([again.status, again.body.Code], [400, 'SignatureNonceUsed']);
      assert.equal(again.body.Message, 'Specified signature nonce was used already.');
      assert.equal(cloud.journal.effects().length, 1);
    });

    for (const [name, change, ...expected] of tamperings[form]) {
      test(`is refused with ${name}`, async () => {
        await using cloud = await start();
        const answer = await send(cloud.port, change(await captured()));
        assertRefused(cloud, answer, ...expected);
      });
    }
  });
}

type Signed = [
  name: string,
  change: (call: Signing, clock: Clock) => Signing,
  status: number,
  code: string,
  message: RegExp,
];
const properlySigned: Signed[] = [
  [
    'without a nonce',
    (call) => ({ ...call, nonce: null }),
    400,
    'MissingSignatureNonce',
    /^SignatureNonce is/,
  ],
  [
    'with an empty nonce',
    (call) => ({ ...call, nonce: '' }),
    400,
    'MissingSignatureNonce',
    /^SignatureNonce is/,
  ],
  [
    'with an endless nonce',
    (call) => ({ ...call, nonce: 'n'.repeat(129) }),
    400,
    'InvalidSignatureNonce',
    /"SignatureNonce"/,
  ],
  ['without a time', (call) => ({ ...call, time: null }), 400, 'MissingTimestamp', /^Timestamp is mandatory/],
  [
    'with a time in another form',
    (call, { now }) => ({ ...call, time: new Date(now()).toISOString() }),
    400,
    'InvalidTimeStamp.Format',
    /^Specified time stamp or date value is not well formatted\.$/,
  ],
  [
    'with a time that is none',
    (call) => ({ ...call, time: '2026-13-01T00:00:00Z' }),
    400,
    'InvalidTimeStamp.Format',
    /not well formatted/,
  ],
  [
    'too late',
    (call, { now }) => ({ ...call, time: timestamp(now() - 15 * minute - 1_000) }),
    400,
    'InvalidTimeStamp.Expired',
    /^Specified time stamp or date value is expired\.$/,
  ],
  [
    'too early',
    (call, { now }) => ({ ...call, time: timestamp(now() + 15 * minute + 1_000) }),
    400,
    'InvalidTimeStamp.Expired',
    /is expired/,
  ],
  [
    'with a wrong secret',
    (call) => ({ ...call, key: { ...key, accessKeySecret: foreignKey.accessKeySecret } }),
    400,
    'SignatureDoesNotMatch',
    mismatch,
  ],
  [
    'with an unknown key',
    (call) => ({ ...call, key: { ...key, accessKeyId: 'LTAI-NOBODY' } }),
    404,
    'InvalidAccessKeyId.NotFound',
    /^Specified access key is not found\.$/,
  ],
  [
    'with a temporary key without its token',
    (call) => ({ ...call, key: temporaryKey, securityToken: null }),
    400,
    'MissingSecurityToken',
    /^SecurityToken is mandatory for this action\.$/,
  ],
  [
    'with a temporary key and another token',
    (call) => ({ ...call, key: temporaryKey, securityToken: 'another' }),
    400,
    'InvalidSecurityToken.MismatchWithAccessKey',
    /SecurityToken/,
  ],
  [
    'with a token that the key has not',
    (call) => ({ ...call, securityToken: temporaryKey.securityToken }),
    400,
    'InvalidSecurityToken.MismatchWithAccessKey',
    /SecurityToken/,
  ],
  [
    'with a version that the action has not',
    (call) => ({ ...call, version: '2014-05-26' }),
    400,
    'InvalidVersion',
    /Version is not valid/,
  ],
  [
    'with an unknown action',
    (call) => ({ ...call, action: 'DeleteEverything' }),
    404,
    'InvalidAction.NotFound',
    /Specified api is not found, please check your url and method\./,
  ],
  [
    'with an action that every object has',
    (call) => ({ ...call, action: 'constructor' }),
    404,
    'InvalidAction.NotFound',
    /Specified api is not found/,
  ],
];

for (const [form, sign] of [
  ['v3', signV3],
  ['v2', signV2],
] as const) {
  void describe(`a request of our own, signed as ${form}`, () => {
    const accepted: [string, (call: Signing, clock: Clock) => Signing][] = [
      ['as it is', (call) => call],
      ['by GET', (call) => ({ ...call, method: 'GET' })],
      ['with everything in the form', (call) => ({ ...call, query: {}, form: ours })],
      [
        'with a temporary key',
        (call) => ({ ...call, key: temporaryKey, securityToken: temporaryKey.securityToken }),
      ],
      [
        'just before it expires',
        (call, { now }) => ({ ...call, time: timestamp(now() - 15 * minute + 1_000) }),
      ],
      ['just not too early', (call, { now }) => ({ ...call, time: timestamp(now() + 15 * minute - 1_000) })],
      [
        'with every character that clients encode in ways of their own',
        (call) => ({ ...call, query: { ...ours, ClientToken: "a b+c*d~e'(f)!g&h=i%j/k" } }),
      ],
    ];
    for (const [name, change] of accepted) {
      test(`is accepted ${name}`, async () => {
        const clock = frozenClock();
        await using cloud = await start(clock);
        const answer = await send(cloud.port, sign(change(signing(key, action, ours), clock)));
        assert.equal(answer.status, 200, answer.text);
        assert.deepEqual(Object.keys(answer.body), ['RequestId']);
        assert.equal(cloud.journal.effects()[0]?.requestId, answer.body.RequestId);
      });
    }

    for (const [name, change, ...expected] of properlySigned) {
      test(`is refused ${name}`, async () => {
        const clock = frozenClock();
        await using cloud = await start(clock);
        const answer = await send(cloud.port, sign(change(signing(key, action, ours), clock)));
        assertRefused(cloud, answer, ...expected);
      });
    }

    test('a nonce serves each key once, as long as any signature over it is good', async () => {
      const clock = frozenClock();
      await using cloud = await start(clock);
      const call = signing(key, 'DescribeVpnGateway', ours);
      const early = sign({ ...call, time: timestamp(clock.now() + 14 * minute) });
      const codeOf = async (wire: Wire) => (await send(cloud.port, wire)).body.Code;
      assert.equal(await codeOf(early), undefined);
      assert.equal(await codeOf(sign({ ...call, key: secondKey })), undefined, 'another key');
      clock.advance(28 * minute);
      assert.equal(await codeOf(early), 'SignatureNonceUsed');
      clock.advance(2 * minute);
      assert.equal(await codeOf(early), 'InvalidTimeStamp.Expired');
      clock.advance(minute);
      assert.equal(await codeOf(sign({ ...call, time: timestamp(clock.now()) })), undefined, 'free again');
    });

    test('a refused signature uses up no nonce', async () => {
      await using cloud = await start();
      const call = signing(key, 'DescribeVpnGateway', ours);
      const wrong = { ...call, key: { ...key, accessKeySecret: 'wrong' } };
      assert.equal((await send(cloud.port, sign(wrong))).body.Code, 'SignatureDoesNotMatch');
      assert.equal((await send(cloud.port, sign(call))).status, 200);
    });
  });
}

test('SignatureDoesNotMatch tells exactly what the server signed, so that a client can compare', async () => {
  await using cloud = await start();
  const call: Signing = {
    ...signing({ ...key, accessKeySecret: 'wrong' }, 'DescribeVpnGateway', {
      RegionId: region,
      Name: 'a b*',
    }),
    method: 'GET',
    nonce: 'nonce-1',
  };
  const time = encodeURIComponent(encodeURIComponent(call.time ?? ''));
  const v2 = await send(cloud.port, signV2(call));
  assert.equal(
    v2.body.Message,
    `Specified signature is not matched with our calculation. server string to sign is:GET&%2F&AccessKeyId%3D${key.accessKeyId}%26Action%3DDescribeVpnGateway%26Format%3Djson%26Name%3Da%2520b%252A%26RegionId%3D${region}%26SignatureMethod%3DHMAC-SHA1%26SignatureNonce%3Dnonce-1%26SignatureVersion%3D1.0%26Timestamp%3D${time}%26Version%3D2016-04-28`,
  );
  const v3 = await send(cloud.port, signV3(call));
  assert.match(v3.body.Message ?? '', /server string to sign is:ACS3-HMAC-SHA256\n[0-9a-f]{64}$/);
  for (const { text } of [v2, v3]) assert.ok(!text.includes(key.accessKeySecret));
});

test('a digest that is not the one of the body is refused, even where it is signed', async () => {
  await using cloud = await start();
  const call = { ...signing(key, action, {}), form: ours };
  const { body } = signV3({ ...call, form: { ...ours, VpnGatewayId: 'vpn-target2' } });
  const claimedDigest = createHash('sha256').update(body).digest('hex');
  const answer = await send(cloud.port, signV3({ ...call, claimedDigest }));
  assertRefused(cloud, answer, 400, 'SignatureDoesNotMatch', mismatch);
});

test('a body changed on the way is refused', async () => {
  await using cloud = await start();
  const wire = signV3({ ...signing(key, action, {}), form: ours });
  const answer = await send(cloud.port, withBody(wire, wire.body.replace(id, 'vpn-target2')));
  assertRefused(cloud, answer, 400, 'SignatureDoesNotMatch', mismatch);
  assert.equal((await send(cloud.port, wire)).status, 200);
});
