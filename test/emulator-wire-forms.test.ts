import assert from 'node:assert/strict';
import { test } from 'node:test';
import openapi, { Config, OpenApiRequest, Params } from '@alicloud/openapi-client';
import { RuntimeOptions } from '@alicloud/tea-util';
import type { Emulator } from '../src/emulator/server.ts';
import type { AccessKey } from '../src/emulator/signature.ts';
import { emulatorWith, foreignKey, gateway, key, region, temporaryKey } from './support/emulator.ts';

const vpnGatewayId = 'vpn-target1';
const action = 'DeleteEnhancedVpnGateway';
const all = { RegionId: region, VpnGatewayId: vpnGatewayId, ClientToken: 'token 1+*~' };

function clientFor(cloud: Emulator, { accessKeyId, accessKeySecret, securityToken }: AccessKey) {
  return new openapi.default(
    new Config({
      accessKeyId,
      accessKeySecret,
      ...(securityToken === null ? {} : { securityToken }),
      endpoint: `127.0.0.1:${cloud.port}`,
      protocol: 'http',
      regionId: region,
    }),
  );
}

type Call = { action: string; version: string; method: string; query: object; form: object };

/** ACS3-HMAC-SHA256. */
function newer(cloud: Emulator, call: Call, by = key) {
  const params = new Params({
    action: call.action,
    version: call.version,
    method: call.method,
    protocol: 'HTTP',
    pathname: '/',
    authType: 'AK',
    style: 'RPC',
    reqBodyType: 'formData',
    bodyType: 'json',
  });
  const body = Object.keys(call.form).length === 0 ? {} : { body: call.form };
  const request = new OpenApiRequest({ query: call.query, ...body });
  return clientFor(cloud, by).callApi(params, request, new RuntimeOptions({}));
}

/** HMAC-SHA1. */
function older(cloud: Emulator, call: Call, by = key) {
  const body = Object.keys(call.form).length === 0 ? {} : { body: call.form };
  const request = new OpenApiRequest({ query: call.query, ...body });
  const { version, method } = call;
  const client = clientFor(cloud, by);
  return client.doRPCRequest(
    call.action,
    version,
    'HTTP',
    method,
    'AK',
    'json',
    request,
    new RuntimeOptions({}),
  );
}

const splits: [name: string, method: string, query: object, form: object][] = [
  ['all in the query', 'POST', all, {}],
  ['all in the query, by GET', 'GET', all, {}],
  ['all in the form', 'POST', {}, all],
  [
    'the id in the query, the rest in the form',
    'POST',
    { VpnGatewayId: vpnGatewayId },
    { RegionId: region, ClientToken: all.ClientToken },
  ],
];
for (const [signature, call] of [
  ['ACS3-HMAC-SHA256', newer],
  ['HMAC-SHA1', older],
] as const) {
  for (const [name, method, query, form] of splits) {
    test(`${signature}, ${name}`, async () => {
      await using cloud = await emulatorWith([gateway(vpnGatewayId)]);
      const answer = await call(cloud, { action, version: '2016-04-28', method, query, form });
      assert.equal(answer.statusCode, 200);
      const [entry, ...more] = cloud.journal.entries();
      assert.equal(more.length, 0);
      assert.partialDeepStrictEqual(entry, {
        action,
        accountId: key.accountId,
        regionId: region,
        resourceId: vpnGatewayId,
        clientToken: all.ClientToken,
        effect: 'deleted',
        httpStatus: 200,
        code: null,
        requestId: Object(answer.body).RequestId,
      });
    });
  }

  const callers: [AccessKey, string][] = [
    [key, 'RAMUser'],
    [temporaryKey, 'AssumedRoleUser'],
    [foreignKey, 'RAMUser'],
  ];
  for (const [by, identityType] of callers) {
    test(`${signature}, GetCallerIdentity by ${by.accessKeyId}`, async () => {
      await using cloud = await emulatorWith([]);
      const call2015 = {
        action: 'GetCallerIdentity',
        version: '2015-04-01',
        method: 'POST',
        query: {},
        form: {},
      };
      const { body } = await call(cloud, call2015, by);
      assert.partialDeepStrictEqual(body, { AccountId: by.accountId, IdentityType: identityType });
      assert.match(Object(body).Arn, new RegExp(`^acs:ram::${by.accountId}:`));
    });
  }
}
