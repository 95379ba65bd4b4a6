import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import type { Emulator } from '../src/emulator/server.ts';
import {
  assertRefused,
  type Clock,
  emulatorWith,
  foreignKey,
  frozenClock,
  gateway,
  key,
  mismatch,
  region,
  secondKey,
  temporaryKey,
} from './support/emulator.ts';
import {
  type Signing,
  send,
  signing,
  signV2,
  signV3,
  timestamp,
  type Wire,
  withBody,
} from './support/rpc-wire.ts';

const id = 'vpn-target1';
const action = 'DeleteEnhancedVpnGateway';
const ours = { RegionId: region, VpnGatewayId: id };
const minute = 60_000;

async function start(clock: Clock = frozenClock()): Promise<Emulator> {
  return emulatorWith([gateway(id), gateway('vpn-target2')], { clock });
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
