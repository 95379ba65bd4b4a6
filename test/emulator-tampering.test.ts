import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import openapi, { Config, OpenApiRequest } from '@alicloud/openapi-client';
import { RuntimeOptions } from '@alicloud/tea-util';
import vpc from '@alicloud/vpc20160428';
import type { Emulator } from '../src/emulator/server.ts';
import {
  assertRefused,
  emulatorWith,
  gateway,
  key,
  mismatch,
  officialClient,
  region,
  secondKey,
} from './support/emulator.ts';
import { capture, send, timestamp, type Wire, withBody, withHeader } from './support/rpc-wire.ts';

const id = 'vpn-target1';
const action = 'DeleteEnhancedVpnGateway';
const ours = { RegionId: region, VpnGatewayId: id };

async function start(): Promise<Emulator> {
  return emulatorWith([gateway(id), gateway('vpn-target2')]);
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
