import assert from 'node:assert/strict';
import { test } from 'node:test';
import vpc from '@alicloud/vpc20160428';
import type { VpnGateway } from '../src/emulator/cloud.ts';
import { emulatorDefaults } from '../src/emulator/server.ts';
import { emulatorWith, frozenClock, gateway, key, officialClient, region } from './support/emulator.ts';
import { send, signing, signV3 } from './support/rpc-wire.ts';

const vpnGatewayId = 'vpn-target1';
const connection = {
  vpnConnectionId: 'vco-one',
  name: 'office',
  status: 'ipsec_sa_established',
  state: 'active',
  customerGatewayId: 'cgw-one',
};
const connected: Partial<VpnGateway> = { connections: [connection], tags: [{ key: 'env', value: 'lab' }] };

test('the official client does everything with a gateway, unchanged', async () => {
  const clock = frozenClock();
  await using cloud = await emulatorWith([], { clock });
  const client = officialClient(cloud.port);
  const { updatingMs, provisioningMs, deletingMs } = emulatorDefaults.timings;

  const created = await client.createEnhancedVpnGateway(
    new vpc.CreateEnhancedVpnGatewayRequest({
      regionId: region,
      vpcId: 'vpc-mine',
      vSwitchId: 'vsw-one',
      disasterRecoveryVSwitchId: 'vsw-two',
      name: 'mine & yours+1 *',
      vpnType: 'NationalStandard',
      networkType: 'private',
      clientToken: 'create-1',
    }),
  );
  const id = created.body?.vpnGatewayId ?? '';
  assert.match(id, /^vpn-[0-9a-z]+$/);
  assert.equal(created.body?.name, 'mine & yours+1 *');
  const describe = async () => {
    const answer = await client.describeVpnGateway(
      new vpc.DescribeVpnGatewayRequest({ regionId: region, vpnGatewayId: id }),
    );
    return answer.body;
  };
  const provisioning = await describe();
  assert.equal(provisioning?.status, 'provisioning');
  assert.deepEqual(
    [provisioning?.vpcId, provisioning?.vSwitchId, provisioning?.disasterRecoveryVSwitchId],
    ['vpc-mine', 'vsw-one', 'vsw-two'],
  );
  assert.deepEqual([provisioning?.vpnType, provisioning?.networkType], ['NationalStandard', 'private']);
  assert.equal(provisioning?.gatewayType, 'Enhanced.SiteToSite');
  assert.equal(provisioning?.createTime, clock.now());
  clock.advance(provisioningMs);
  assert.equal((await describe())?.status, 'active');

  const listed = await client.describeVpnGateways(new vpc.DescribeVpnGatewaysRequest({ regionId: region }));
  assert.deepEqual(
    listed.body?.vpnGateways?.vpnGateway?.map((one) => one.vpnGatewayId),
    [id],
  );

  cloud.cloud.put({ ...gateway(id), ...connected });
  const connections = await client.describeVpnConnections(
    new vpc.DescribeVpnConnectionsRequest({ regionId: region, vpnGatewayId: id }),
  );
  assert.equal(connections.body?.totalCount, 1);
  assert.equal(connections.body?.vpnConnections?.vpnConnection?.[0]?.vpnConnectionId, 'vco-one');
  const tags = await client.listTagResources(
    new vpc.ListTagResourcesRequest({ regionId: region, resourceType: 'VpnGateWay', resourceId: [id] }),
  );
  assert.deepEqual(
    tags.body?.tagResources?.tagResource?.map((one) => [one.resourceId, one.tagKey, one.tagValue]),
    [[id, 'env', 'lab']],
  );

  const disconnected = await client.deleteVpnConnection(
    new vpc.DeleteVpnConnectionRequest({ regionId: region, vpnConnectionId: 'vco-one' }),
  );
  assert.match(disconnected.body?.requestId ?? '', /^[0-9A-F-]{36}$/);
  assert.equal((await describe())?.status, 'updating');
  clock.advance(updatingMs);

  const deleted = await client.deleteEnhancedVpnGateway(
    new vpc.DeleteEnhancedVpnGatewayRequest({ regionId: region, vpnGatewayId: id, clientToken: 'delete-1' }),
  );
  assert.match(deleted.body?.requestId ?? '', /^[0-9A-F-]{36}$/);
  assert.equal((await describe())?.status, 'deleting');
  clock.advance(deletingMs);
  await assert.rejects(describe(), { code: 'InvalidVpnGatewayInstanceId.NotFound', statusCode: 404 });

  assert.deepEqual(
    cloud.journal.effects().map(({ effect, requestId }) => [effect, requestId]),
    [
      ['created', created.body?.requestId],
      ['connection-deleted', disconnected.body?.requestId],
      ['deleted', deleted.body?.requestId],
    ],
  );
});

test('an error reaches the official client as the class and with the fields that it documents', async () => {
  await using cloud = await emulatorWith([gateway(vpnGatewayId, connected)]);
  const remove = () =>
    officialClient(cloud.port).deleteEnhancedVpnGateway(
      new vpc.DeleteEnhancedVpnGatewayRequest({ regionId: region, vpnGatewayId }),
    );
  const failure = await remove().then(
    () => assert.fail('it must not be deleted'),
    (
      error: {
        data: Record<string, unknown>;
        code: unknown;
        statusCode: unknown;
        requestId: unknown;
      } & Error,
    ) => error,
  );
  const { data, name } = failure;
  assert.equal(name, 'ClientError');
  assert.deepEqual(Object.keys(data).sort(), ['Code', 'HostId', 'Message', 'Recommend', 'RequestId']);
  assert.equal(data.HostId, `127.0.0.1:${cloud.port}`);
  assert.deepEqual(
    [failure.code, failure.statusCode, failure.requestId],
    ['VpnDependencyViolation.VpnConnection', 400, data.RequestId],
  );

  cloud.faults.add({
    kind: 'error',
    action: 'DeleteEnhancedVpnGateway',
    status: 429,
    code: 'Throttling.User',
    retryAfterMs: 1_234,
  });
  await assert.rejects(remove(), { name: 'ThrottlingError', code: 'Throttling.User', retryAfter: 1_234 });
});

type Model = {
  names(): Record<string, string>;
  types(): Record<string, unknown>;
};

/** Paths of the answer that the model has not, or has under another type. */
function strays(model: Model, value: Record<string, unknown>, at = ''): string[] {
  const fields = Object.fromEntries(Object.entries(model.names()).map(([field, name]) => [name, field]));
  return Object.entries(value).flatMap(([name, one]) => {
    const path = `${at}${name}`;
    const field = fields[name];
    return field === undefined ? [path] : mistyped(model.types()[field], one, path);
  });
}

function mistyped(type: unknown, value: unknown, path: string): string[] {
  if (typeof type === 'string') return typeof value === type ? [] : [`${path}: ${typeof value}`];
  if (typeof type === 'function')
    return strays(type as unknown as Model, value as Record<string, unknown>, `${path}.`);
  const { itemType } = type as { itemType: unknown };
  if (!Array.isArray(value)) return [`${path}: no array`];
  return value.flatMap((item) => mistyped(itemType, item, `${path}[]`));
}

const shapes: [action: string, model: Model, parameters: Record<string, string>][] = [
  ['DescribeVpnGateway', vpc.DescribeVpnGatewayResponseBody, { VpnGatewayId: vpnGatewayId }],
  ['DescribeVpnGateways', vpc.DescribeVpnGatewaysResponseBody, {}],
  ['DescribeVpnConnections', vpc.DescribeVpnConnectionsResponseBody, { VpnGatewayId: vpnGatewayId }],
  [
    'CreateEnhancedVpnGateway',
    vpc.CreateEnhancedVpnGatewayResponseBody,
    { VpcId: 'vpc-1', VSwitchId: 'vsw-1', DisasterRecoveryVSwitchId: 'vsw-2' },
  ],
  ['DeleteEnhancedVpnGateway', vpc.DeleteEnhancedVpnGatewayResponseBody, { VpnGatewayId: 'vpn-target2' }],
  ['DeleteVpnConnection', vpc.DeleteVpnConnectionResponseBody, { VpnConnectionId: 'vco-one' }],
  [
    'ListTagResources',
    vpc.ListTagResourcesResponseBody,
    { ResourceType: 'VpnGateWay', 'ResourceId.1': vpnGatewayId },
  ],
];
for (const [action, model, parameters] of shapes) {
  test(`${action} answers nothing but what the official client's model has, in its types`, async () => {
    await using cloud = await emulatorWith([
      gateway(vpnGatewayId, connected),
      gateway('vpn-target2', { tags: connected.tags ?? [] }),
    ]);
    const answer = await send(cloud.port, signV3(signing(key, action, { RegionId: region, ...parameters })));
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(strays(model, answer.body), []);
    assert.equal(answer.headers['x-acs-request-id'], answer.body.RequestId);
  });
}

test('gateways and connections have every field of the documentation that a guard may read', async () => {
  await using cloud = await emulatorWith([gateway(vpnGatewayId, connected)]);
  const ask = async (action: string) =>
    (await send(cloud.port, signV3(signing(key, action, { RegionId: region, VpnGatewayId: vpnGatewayId }))))
      .body;
  const described = new Set(Object.keys(await ask('DescribeVpnGateway')));
  // Only with IncludeReservationData.
  const expected = Object.values<string>(vpc.DescribeVpnGatewayResponseBody.names()).filter(
    (name) => name !== 'ReservationData',
  );
  assert.deepEqual([...described].sort(), expected.sort());
  const text = JSON.stringify(await ask('DescribeVpnConnections'));
  for (const secret of ['EMULATOR-PSK', 'EMULATOR-TUNNEL-PSK', 'EMULATOR-BGP-KEY']) {
    assert.ok(text.includes(secret), `the real API returns keys, so ${secret} must be there to be left out`);
  }
});
