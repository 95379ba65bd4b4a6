import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import type { Emulator } from '../src/emulator/server.ts';
import { emulatorWith, gateway, key, region } from './support/emulator.ts';
import { send, signing, signV3 } from './support/rpc-wire.ts';

const gateways = Array.from({ length: 53 }, (_, index) => `vpn-many${index + 1}`);
const connections = Array.from({ length: 12 }, (_, index) => `vco-many${index + 1}`);

let cloud: Emulator;
before(async () => {
  cloud = await emulatorWith(
    gateways.map((id, index) =>
      gateway(id, {
        tags: [
          { key: 'number', value: String(index + 1) },
          { key: 'even', value: String(index % 2 === 1) },
        ],
        ...(id === 'vpn-many2'
          ? { status: 'updating', vpcId: 'vpc-other', businessStatus: 'FinancialLocked' }
          : {}),
        ...(id === 'vpn-many3' ? { gatewayType: 'Traditional', resourceGroupId: 'rg-other' } : {}),
        connections: (id === 'vpn-many7' ? connections : id === 'vpn-many8' ? ['vco-other'] : []).map(
          (one) => ({
            vpnConnectionId: one,
            name: one,
            status: 'ipsec_sa_established',
            state: 'active',
            customerGatewayId: `cgw-${one.slice(4)}`,
          }),
        ),
      }),
    ),
  );
});
after(() => cloud[Symbol.asyncDispose]());

const page = z.object({
  PageNumber: z.int(),
  PageSize: z.int(),
  TotalCount: z.int(),
  VpnGateways: z.object({ VpnGateway: z.array(z.looseObject({ VpnGatewayId: z.string() })) }).optional(),
  VpnConnections: z
    .object({ VpnConnection: z.array(z.looseObject({ VpnConnectionId: z.string() })) })
    .optional(),
});

const ask = (action: string, parameters: Record<string, string>) =>
  send(cloud.port, signV3(signing(key, action, { RegionId: region, ...parameters })));

async function list(action: string, parameters: Record<string, string>) {
  const { status, body, text } = await ask(action, parameters);
  assert.equal(status, 200, text);
  const { VpnGateways, VpnConnections, ...rest } = page.parse(body);
  const ids = [
    ...(VpnGateways?.VpnGateway.map(({ VpnGatewayId }) => VpnGatewayId) ?? []),
    ...(VpnConnections?.VpnConnection.map(({ VpnConnectionId }) => VpnConnectionId) ?? []),
  ];
  return { ...rest, ids };
}

const pages: [action: string, of: readonly string[], about: Record<string, string>][] = [
  ['DescribeVpnGateways', gateways, {}],
  ['DescribeVpnConnections', connections, { VpnGatewayId: 'vpn-many7' }],
];
for (const [action, all, about] of pages) {
  const expected = (PageNumber: number, PageSize: number) => ({
    PageNumber,
    PageSize,
    TotalCount: all.length,
    ids: all.slice((PageNumber - 1) * PageSize, PageNumber * PageSize),
  });

  test(`${action} pages by ten, and tells how many there are`, async () => {
    assert.deepEqual(await list(action, about), expected(1, 10));
    assert.deepEqual(await list(action, { ...about, PageNumber: '2' }), expected(2, 10));
    assert.deepEqual(await list(action, { ...about, PageSize: '50' }), expected(1, 50));
    assert.deepEqual(await list(action, { ...about, PageSize: '50', PageNumber: '2' }), expected(2, 50));
    assert.deepEqual(await list(action, { ...about, PageNumber: '1000' }), expected(1000, 10));
  });

  test(`the pages of ${action} together are everything, once`, async () => {
    const seen: string[] = [];
    for (let number = 1; seen.length < all.length; number += 1) {
      const { ids } = await list(action, { ...about, PageSize: '7', PageNumber: String(number) });
      assert.notEqual(ids.length, 0);
      seen.push(...ids);
    }
    assert.deepEqual(seen, all);
  });

  for (const [name, value] of [
    ['PageSize', '51'],
    ['PageSize', '0'],
    ['PageSize', '-1'],
    ['PageSize', '1.5'],
    ['PageSize', 'ten'],
    ['PageSize', ''],
    ['PageNumber', '0'],
    ['PageNumber', '1e3'],
    ['PageNumber', '100001'],
  ] as const) {
    test(`${action} refuses ${name}=${value}`, async () => {
      const { status, body } = await ask(action, { ...about, [name]: value });
      assert.deepEqual([status, body.Code], [400, `Invalid${name}`]);
    });
  }
}

const filters: [action: string, parameters: Record<string, string>, ids: readonly string[]][] = [
  ['DescribeVpnGateways', { VpnGatewayId: 'vpn-many5' }, ['vpn-many5']],
  ['DescribeVpnGateways', { VpnGatewayId: 'vpn-nowhere' }, []],
  ['DescribeVpnGateways', { Status: 'updating' }, ['vpn-many2']],
  ['DescribeVpnGateways', { VpcId: 'vpc-other' }, ['vpn-many2']],
  ['DescribeVpnGateways', { BusinessStatus: 'FinancialLocked' }, ['vpn-many2']],
  ['DescribeVpnGateways', { GatewayType: 'Traditional' }, ['vpn-many3']],
  ['DescribeVpnGateways', { ResourceGroupId: 'rg-other' }, ['vpn-many3']],
  ['DescribeVpnGateways', { Status: 'updating', GatewayType: 'Traditional' }, []],
  ['DescribeVpnGateways', { 'Tag.1.Key': 'number', 'Tag.1.Value': '4' }, ['vpn-many4']],
  ['DescribeVpnGateways', { 'Tag.1.Key': 'number', 'Tag.1.Value': '' }, []],
  [
    'DescribeVpnGateways',
    { 'Tag.1.Key': 'number', 'Tag.1.Value': '4', 'Tag.2.Key': 'even', 'Tag.2.Value': 'false' },
    [],
  ],
  ['DescribeVpnGateways', { 'Tag.1.Key': 'unknown' }, []],
  ['DescribeVpnConnections', { VpnGatewayId: 'vpn-many8' }, ['vco-other']],
  ['DescribeVpnConnections', { VpnGatewayId: 'vpn-many1' }, []],
  ['DescribeVpnConnections', { VpnGatewayId: 'vpn-nowhere' }, []],
  ['DescribeVpnConnections', { VpnConnectionId: 'vco-other' }, ['vco-other']],
  ['DescribeVpnConnections', { CustomerGatewayId: 'cgw-many3' }, ['vco-many3']],
  ['DescribeVpnConnections', { VpnGatewayId: 'vpn-many7', VpnConnectionId: 'vco-other' }, []],
  ['DescribeVpnConnections', { ResourceGroupId: 'rg-other' }, []],
  ['DescribeVpnConnections', { 'Tag.1.Key': 'any' }, []],
];
for (const [action, parameters, ids] of filters) {
  test(`${action} with ${JSON.stringify(parameters)} lists ${ids.length === 0 ? 'nothing' : ids.join()}`, async () => {
    const listed = await list(action, parameters);
    assert.deepEqual([listed.ids, listed.TotalCount], [ids, ids.length]);
  });
}

test('without a gateway, DescribeVpnConnections lists those of all', async () => {
  const { ids, TotalCount } = await list('DescribeVpnConnections', { PageSize: '50' });
  assert.deepEqual([ids, TotalCount], [[...connections, 'vco-other'], 13]);
});

test('a tag value without its key is refused', async () => {
  const { status, body } = await ask('DescribeVpnGateways', { 'Tag.1.Value': '4' });
  assert.deepEqual([status, body.Code], [400, 'MissingTag.1.Key']);
});

const tagPage = z.object({
  NextToken: z.string(),
  TagResources: z.object({
    TagResource: z.array(
      z.object({
        ResourceId: z.string(),
        ResourceType: z.string(),
        TagKey: z.string(),
        TagValue: z.string(),
      }),
    ),
  }),
});
const listTags = async (parameters: Record<string, string>) =>
  tagPage.parse((await ask('ListTagResources', { ResourceType: 'VPNGATEWAY', ...parameters })).body);

test('the tags of gateways are listed by gateway and by tag', async () => {
  const summary = async (parameters: Record<string, string>) => {
    const { TagResources } = await listTags(parameters);
    return TagResources.TagResource.map(
      (one) => `${one.ResourceType} ${one.ResourceId} ${one.TagKey}=${one.TagValue}`,
    );
  };
  assert.deepEqual(await summary({ 'ResourceId.1': 'vpn-many1', 'ResourceId.2': 'vpn-nowhere' }), [
    'VpnGateWay vpn-many1 number=1',
    'VpnGateWay vpn-many1 even=false',
  ]);
  assert.deepEqual(await summary({ 'Tag.1.Key': 'number', 'Tag.1.Value': '9' }), [
    'VpnGateWay vpn-many9 number=9',
  ]);
  assert.deepEqual(await summary({ 'ResourceId.1': 'vpn-many2', 'Tag.1.Key': 'even' }), [
    'VpnGateWay vpn-many2 even=true',
  ]);
  assert.deepEqual(
    await summary({ 'ResourceId.1': 'vpn-many2', 'Tag.1.Key': 'even', 'Tag.1.Value': 'false' }),
    [],
  );
});

test('long lists of tags go on with NextToken', async () => {
  const numbers: string[] = [];
  let NextToken = '';
  do {
    const answer = await listTags({ 'Tag.1.Key': 'number', MaxResults: '20', NextToken });
    numbers.push(...answer.TagResources.TagResource.map(({ TagValue }) => TagValue));
    ({ NextToken } = answer);
  } while (NextToken !== '');
  assert.deepEqual(
    numbers,
    gateways.map((_, index) => String(index + 1)),
  );
  // Exactly full: there is nothing to go on with.
  const even = await listTags({ 'Tag.1.Key': 'even', 'Tag.1.Value': 'true', MaxResults: '26' });
  assert.deepEqual([even.TagResources.TagResource.length, even.NextToken], [26, '']);
  const { body } = await ask('ListTagResources', {
    ResourceType: 'VPNGATEWAY',
    'Tag.1.Key': 'number',
    NextToken: 'x',
  });
  assert.equal(body.Code, 'InvalidNextToken');
});
