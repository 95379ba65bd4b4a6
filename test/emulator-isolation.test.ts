import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emulatorDefaults } from '../src/emulator/server.ts';
import {
  emulatorWith,
  foreignKey,
  frozenClock,
  gateway,
  key,
  region,
  secondKey,
} from './support/emulator.ts';
import { send, signing, signV3 } from './support/rpc-wire.ts';

const id = 'vpn-target1';
const connections = [
  {
    vpnConnectionId: 'vco-one',
    name: '',
    status: 'ipsec_sa_established',
    state: 'active',
    customerGatewayId: 'cgw-1',
  },
];
const tags = [{ key: 'env', value: 'lab' }];

/** The same gateway ids in two accounts and two regions; each with a connection and a tag. */
async function start(clock = frozenClock()) {
  const cloud = await emulatorWith(
    [
      gateway(id, { connections, tags }),
      gateway('vpn-foreign1', { accountId: foreignKey.accountId, connections, tags }),
      gateway('vpn-elsewhere1', { regionId: 'eu-central-1', connections, tags }),
    ],
    { clock },
  );
  const ask = (by: typeof key, action: string, parameters: Record<string, string>) =>
    send(cloud.port, signV3(signing(by, action, { RegionId: region, ...parameters })));
  return { cloud, ask, [Symbol.asyncDispose]: () => cloud[Symbol.asyncDispose]() };
}

/** What stands apart in every answer taken out. */
const comparable = ({ status, body }: { status: number; body: object }) => ({
  status,
  body: { ...body, RequestId: null },
});

const about: [action: string, parameters: (vpnGatewayId: string) => Record<string, string>][] = [
  ['DescribeVpnGateway', (VpnGatewayId) => ({ VpnGatewayId })],
  ['DescribeVpnGateways', (VpnGatewayId) => ({ VpnGatewayId })],
  ['DescribeVpnConnections', (VpnGatewayId) => ({ VpnGatewayId })],
  ['DeleteEnhancedVpnGateway', (VpnGatewayId) => ({ VpnGatewayId })],
  ['ListTagResources', (vpnGatewayId) => ({ ResourceType: 'VpnGateWay', 'ResourceId.1': vpnGatewayId })],
];
for (const [action, parameters] of about) {
  test(`${action} of a gateway of another account or region is answered as if there were none`, async () => {
    await using at = await start();
    const nowhere = comparable(await at.ask(key, action, parameters('vpn-nowhere')));
    assert.deepEqual(comparable(await at.ask(key, action, parameters('vpn-foreign1'))), nowhere);
    assert.deepEqual(comparable(await at.ask(key, action, parameters('vpn-elsewhere1'))), nowhere);
    assert.notDeepEqual(comparable(await at.ask(key, action, parameters(id))), nowhere);
    assert.deepEqual(at.cloud.journal.effects(), []);
  });
}

test('lists hold what is the account’s own in the region', async () => {
  await using at = await start();
  const listed = async (by: typeof key, RegionId: string) => {
    const { body } = await at.ask(by, 'DescribeVpnGateways', { RegionId });
    return [...JSON.stringify(body).matchAll(/"VpnGatewayId":"([^"]+)"/g)].map(([, one]) => one);
  };
  assert.deepEqual(await listed(key, region), [id]);
  assert.deepEqual(await listed(secondKey, region), [id], 'another key of the account');
  assert.deepEqual(await listed(key, 'eu-central-1'), ['vpn-elsewhere1']);
  assert.deepEqual(await listed(key, 'ap-southeast-1'), []);
  assert.deepEqual(await listed(foreignKey, region), ['vpn-foreign1']);
  assert.deepEqual(await listed(foreignKey, 'eu-central-1'), []);
  assert.equal((await at.ask(foreignKey, 'DescribeVpnConnections', {})).body.TotalCount, 1);
});

test('a connection of another account or region is not deleted', async () => {
  await using at = await start();
  const foreign = { ...connections[0], vpnConnectionId: 'vco-foreign' };
  const held = at.cloud.cloud.gateway(region, 'vpn-foreign1');
  assert.ok(held !== null);
  at.cloud.cloud.change(held, {
    connections: [{ ...foreign, name: '', status: '', state: '', customerGatewayId: '' }],
  });
  const answer = await at.ask(key, 'DeleteVpnConnection', { VpnConnectionId: 'vco-foreign' });
  assert.equal(answer.body.Code, 'InvalidVpnConnectionInstanceId.NotFound');
  assert.equal(
    (await at.ask(foreignKey, 'DeleteVpnConnection', { VpnConnectionId: 'vco-foreign' })).status,
    200,
  );
});

test('what is created belongs to the account and region of the call', async () => {
  await using at = await start();
  const network = { VpcId: 'vpc-1', VSwitchId: 'vsw-1', DisasterRecoveryVSwitchId: 'vsw-2' };
  const { body } = await at.ask(foreignKey, 'CreateEnhancedVpnGateway', {
    ...network,
    RegionId: 'eu-central-1',
  });
  const created = { VpnGatewayId: String(body.VpnGatewayId) };
  assert.equal(
    (await at.ask(foreignKey, 'DescribeVpnGateway', { ...created, RegionId: 'eu-central-1' })).status,
    200,
  );
  assert.equal((await at.ask(foreignKey, 'DescribeVpnGateway', created)).status, 404);
  assert.equal(
    (await at.ask(key, 'DescribeVpnGateway', { ...created, RegionId: 'eu-central-1' })).status,
    404,
  );
});

test('that a gateway is gone is told to its own account only', async () => {
  const clock = frozenClock();
  await using at = await start(clock);
  const removal = (by: typeof key) => at.ask(by, 'DeleteEnhancedVpnGateway', { VpnGatewayId: id });
  const held = at.cloud.cloud.gateway(region, id);
  assert.ok(held !== null);
  at.cloud.cloud.change(held, { connections: [] });
  assert.equal((await removal(key)).status, 200);
  clock.advance(emulatorDefaults.timings.deletingMs);
  assert.equal((await removal(key)).status, 404);
  assert.equal((await removal(secondKey)).status, 404);
  assert.equal((await removal(foreignKey)).status, 400);
});
