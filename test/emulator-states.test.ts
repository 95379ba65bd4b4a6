import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VpnGateway } from '../src/emulator/cloud.ts';
import { type Emulator, emulatorDefaults } from '../src/emulator/server.ts';
import { emulatorWith, frozenClock, gateway, key, region } from './support/emulator.ts';
import { send, signing, signV3 } from './support/rpc-wire.ts';

const id = 'vpn-target1';
const deletion = 'DeleteEnhancedVpnGateway';
const { provisioningMs, updatingMs, deletingMs } = emulatorDefaults.timings;
const clock = frozenClock();
const day = 86_400_000;

const ask = (cloud: Emulator, action: string, parameters: Record<string, string>) =>
  send(cloud.port, signV3(signing(key, action, { RegionId: region, ...parameters })));
const connection = (vpnConnectionId: string) => ({
  vpnConnectionId,
  name: '',
  status: 'ipsec_sa_established',
  state: 'active',
  customerGatewayId: 'cgw-one',
});

async function stateOf(cloud: Emulator, vpnGatewayId = id): Promise<string> {
  const { status, body } = await ask(cloud, 'DescribeVpnGateway', { VpnGatewayId: vpnGatewayId });
  return String(status === 200 ? body.Status : body.Code);
}

type Row = [name: string, changes: Partial<VpnGateway>, status: number, code: string, message: string];
const configuring = [400, 'VpnGateway.Configuring', 'The specified service is configuring.'] as const;
const notFound = [
  'InvalidVpnGatewayInstanceId.NotFound',
  'The specified vpn gateway instance id does not exist.',
] as const;
const conflict = [400, 'TaskConflict', 'The eip operate too frequent, TaskConflict.'] as const;

/** The errors that the API reference lists, each from a state that brings it about. */
const refusals: Row[] = [
  ['being created', { status: 'provisioning' }, ...configuring],
  ['just begun', { status: 'init' }, ...configuring],
  ['being updated', { status: 'updating' }, ...configuring],
  ['being deleted', { status: 'deleting' }, ...conflict],
  ['on which another task runs', { deletionRefusal: 'TaskConflict' }, ...conflict],
  [
    'that trips the cloud up',
    { deletionRefusal: 'InternalError' },
    400,
    'InternalError',
    'The request processing has failed due to some unknown error, exception or failure.',
  ],
  [
    'with connections',
    { connections: [connection('vco-one')] },
    400,
    'VpnDependencyViolation.VpnConnection',
    'There are vpn connections on specified vpn gateway not deleted.',
  ],
  [
    'that its creator keeps to itself',
    { deletionRefusal: 'Forbidden.SubUser' },
    403,
    'Forbidden.SubUser',
    'User not authorized to operate on the specified resource as your account is created by another user.',
  ],
  [
    'that the key has no right to',
    { deletionRefusal: 'Forbidden' },
    403,
    'Forbidden',
    'User not authorized to operate on the specified resource.',
  ],
  ...['Prepay', 'PREPAY', 'PrePaid'].map(
    (chargeType): Row => [
      `prepaid (${chargeType}) and within its term`,
      { chargeType, endTimeMs: clock.now() + 1 },
      403,
      'ForbiddenRelease',
      'Forbidden to release a prepaid instance within validity period',
    ],
  ),
  ['of the traditional type', { gatewayType: 'Traditional' }, 400, ...notFound],
];
for (const [name, changes, ...expected] of refusals) {
  test(`a gateway ${name} is not deleted: ${expected[1]}`, async () => {
    await using cloud = await emulatorWith([gateway(id, changes)], { clock });
    const before = await stateOf(cloud);
    const { status, body } = await ask(cloud, deletion, { VpnGatewayId: id });
    assert.deepEqual([status, body.Code, body.Message], expected);
    assert.equal(await stateOf(cloud), before);
    assert.deepEqual(cloud.journal.effects(), []);
  });
}

const deletable: [name: string, changes: Partial<VpnGateway>][] = [
  ['as it is', {}],
  ['prepaid, its term over', { chargeType: 'Prepay', endTimeMs: clock.now() }],
  ['paid by use, with an end far ahead', { chargeType: 'POSTPAY', endTimeMs: clock.now() + day }],
];
for (const [name, changes] of deletable) {
  test(`a gateway ${name} is deleted`, async () => {
    await using cloud = await emulatorWith([gateway(id, changes)], { clock });
    const { status, body } = await ask(cloud, deletion, { VpnGatewayId: id });
    assert.deepEqual([status, Object.keys(body)], [200, ['RequestId']]);
    assert.equal(await stateOf(cloud), 'deleting');
  });
}

test('deleting takes its time, and then the gateway is gone', async () => {
  const going = frozenClock();
  await using cloud = await emulatorWith([gateway(id)], { clock: going });
  assert.equal((await ask(cloud, deletion, { VpnGatewayId: id })).status, 200);
  going.advance(deletingMs - 1);
  assert.equal(await stateOf(cloud), 'deleting');
  assert.equal((await ask(cloud, deletion, { VpnGatewayId: id })).body.Code, 'TaskConflict');
  assert.equal((await ask(cloud, 'DescribeVpnGateways', {})).body.TotalCount, 1);
  going.advance(1);
  assert.equal((await ask(cloud, 'DescribeVpnGateways', {})).body.TotalCount, 0);
  assert.equal(await stateOf(cloud), 'InvalidVpnGatewayInstanceId.NotFound');
});

test('an id that never was is 400, one that is gone is 404, with the same code and words', async () => {
  const going = frozenClock();
  await using cloud = await emulatorWith([gateway(id)], { clock: going });
  const never = await ask(cloud, deletion, { VpnGatewayId: 'vpn-never' });
  assert.deepEqual([never.status, never.body.Code, never.body.Message], [400, ...notFound]);
  await ask(cloud, deletion, { VpnGatewayId: id });
  going.advance(deletingMs);
  const gone = await ask(cloud, deletion, { VpnGatewayId: id });
  assert.deepEqual([gone.status, gone.body.Code, gone.body.Message], [404, ...notFound]);
  // To ask about it is 404 either way.
  for (const one of [id, 'vpn-never']) {
    const { status, body } = await ask(cloud, 'DescribeVpnGateway', { VpnGatewayId: one });
    assert.deepEqual([status, body.Code, body.Message], [404, ...notFound]);
  }
});

test('a new gateway becomes active in time', async () => {
  const going = frozenClock();
  await using cloud = await emulatorWith([], { clock: going });
  const { body } = await ask(cloud, 'CreateEnhancedVpnGateway', {
    VpcId: 'vpc-1',
    VSwitchId: 'vsw-1',
    DisasterRecoveryVSwitchId: 'vsw-2',
  });
  const created = String(body.VpnGatewayId);
  going.advance(provisioningMs - 1);
  assert.equal(await stateOf(cloud, created), 'provisioning');
  assert.equal((await ask(cloud, deletion, { VpnGatewayId: created })).body.Code, 'VpnGateway.Configuring');
  going.advance(1);
  assert.equal(await stateOf(cloud, created), 'active');
  assert.equal((await ask(cloud, deletion, { VpnGatewayId: created })).status, 200);
});

test('connections are deleted one after the other, the gateway being updated in between', async () => {
  const going = frozenClock();
  const both = { connections: [connection('vco-one'), connection('vco-two')] };
  await using cloud = await emulatorWith([gateway(id, both)], { clock: going });
  const disconnect = (VpnConnectionId: string) => ask(cloud, 'DeleteVpnConnection', { VpnConnectionId });
  assert.equal((await disconnect('vco-one')).status, 200);
  assert.equal(await stateOf(cloud), 'updating');
  assert.equal((await disconnect('vco-two')).body.Code, 'VpnGateway.Configuring');
  going.advance(updatingMs - 1);
  assert.equal(await stateOf(cloud), 'updating');
  going.advance(1);
  assert.equal(await stateOf(cloud), 'active');
  const unknown = await disconnect('vco-one');
  assert.deepEqual([unknown.status, unknown.body.Code], [404, 'InvalidVpnConnectionInstanceId.NotFound']);
  assert.equal(
    (await ask(cloud, deletion, { VpnGatewayId: id })).body.Code,
    'VpnDependencyViolation.VpnConnection',
  );
  assert.equal((await disconnect('vco-two')).status, 200);
  going.advance(updatingMs);
  assert.equal((await ask(cloud, deletion, { VpnGatewayId: id })).status, 200);
});

const malformed: [action: string, parameters: Record<string, string>, status: number, code: string][] = [
  [deletion, {}, 400, 'MissingVpnGatewayId'],
  [deletion, { VpnGatewayId: '' }, 400, 'MissingVpnGatewayId'],
  [deletion, { RegionId: '', VpnGatewayId: id }, 400, 'MissingRegionId'],
  [deletion, { RegionId: 'mars-1', VpnGatewayId: id }, 404, 'InvalidRegionId.NotFound'],
  ['DescribeVpnGateway', {}, 400, 'MissingVpnGatewayId'],
  ['DeleteVpnConnection', {}, 400, 'MissingVpnConnectionId'],
  ['CreateEnhancedVpnGateway', {}, 400, 'MissingVpcId'],
  ['CreateEnhancedVpnGateway', { VpcId: 'vpc-1' }, 400, 'MissingVSwitchId'],
  [
    'CreateEnhancedVpnGateway',
    { VpcId: 'vpc-1', VSwitchId: 'vsw-1' },
    400,
    'MissingDisasterRecoveryVSwitchId',
  ],
  ['CreateEnhancedVpnGateway', { GatewayType: 'Traditional' }, 400, 'InvalidGatewayType'],
  ['ListTagResources', { 'ResourceId.1': id }, 400, 'MissingResourceType'],
  ['ListTagResources', { ResourceType: 'VPC', 'ResourceId.1': id }, 400, 'InvalidResourceType'],
  ['ListTagResources', { ResourceType: 'VPNGATEWAY' }, 400, 'MissingResourceId'],
];
for (const [action, parameters, ...expected] of malformed) {
  test(`${action} with ${JSON.stringify(parameters)}: ${expected[1]}`, async () => {
    await using cloud = await emulatorWith([gateway(id)], { clock });
    const { status, body } = await ask(cloud, action, parameters);
    assert.deepEqual([status, body.Code], expected);
    assert.deepEqual(cloud.journal.effects(), []);
  });
}
