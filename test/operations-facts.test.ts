import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Problem } from '../src/errors.ts';
import type { EnhancedVpnGatewayFacts } from '../src/operations/facts.ts';
import {
  type Answer,
  json,
  raw,
  refusal,
  reset,
  type ScriptedCloud,
  startScriptedCloud,
} from './support/scripted-cloud.ts';
import { accountId, frozenPace, gatewayId, operationAt, region, target } from './support/upstream.ts';

const psk = 'PRE-SHARED-KEY-xyz';
const bgpKey = 'BGP-AUTH-KEY-xyz';

const gateway = {
  RequestId: 'REQ-GW',
  VpnGatewayId: gatewayId,
  Name: 'branch',
  GatewayType: 'Enhanced.SiteToSite',
  ChargeType: 'POSTPAY',
  Status: 'active',
  BusinessStatus: 'Normal',
  CreateTime: 1_700_000_000_000,
  EndTime: 1_800_000_000_000,
  ResourceGroupId: 'rg-1',
  VpcId: 'vpc-1',
  Tag: '{"VpnEnableBgp":"true"}',
  Tags: { Tag: [{ Key: 'team', Value: 'edge' }] },
  Description: psk,
};

const connection = (n: number) => ({
  VpnConnectionId: `vco-${n}`,
  VpnGatewayId: gatewayId,
  Name: `to branch ${n}`,
  State: 'active',
  Status: 'ike_sa_not_established',
  IkeConfig: { Psk: psk, LocalId: '1.2.3.4' },
  VpnBgpConfig: { AuthKey: bgpKey, Status: 'true' },
  RemoteCaCertificate: psk,
  TunnelOptionsSpecification: { TunnelOptions: [{ TunnelIkeConfig: { Psk: psk }, State: 'active' }] },
});

const page = (total: unknown, numbers: number[], extra: object = {}): Answer =>
  json(200, {
    RequestId: 'REQ-CO',
    TotalCount: total,
    VpnConnections: { VpnConnection: numbers.map(connection) },
    ...extra,
  });

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

async function readWith(script: (cloud: ScriptedCloud) => void) {
  await using cloud = await startScriptedCloud();
  cloud.answer('DescribeVpnGateway', json(200, gateway));
  cloud.answer('DescribeVpnConnections', page(0, []));
  cloud.answer('GetCallerIdentity', json(200, { RequestId: 'REQ-STS', AccountId: accountId }));
  script(cloud);
  const { signal } = new AbortController();
  using at = operationAt(cloud.host, { pace: frozenPace(), readTimeoutMs: 1_000, account: null, signal });
  const facts = (await at.operation.readFacts(target)) as EnhancedVpnGatewayFacts;
  return { facts, requests: cloud.requests };
}

test('the facts are what the cloud states, field by field', async () => {
  const { facts, requests } = await readWith((cloud) =>
    cloud.answer('DescribeVpnConnections', page(2, [1, 2])),
  );
  assert.deepEqual(facts, {
    gateway: {
      vpnGatewayId: gatewayId,
      regionId: region,
      accountId,
      name: 'branch',
      gatewayType: 'Enhanced.SiteToSite',
      chargeType: 'POSTPAY',
      status: 'active',
      businessStatus: 'Normal',
      createTimeMs: 1_700_000_000_000,
      endTimeMs: 1_800_000_000_000,
      resourceGroupId: 'rg-1',
      vpcId: 'vpc-1',
      tags: [{ key: 'team', value: 'edge' }],
    },
    connections: {
      total: 2,
      items: [1, 2].map((n) => ({
        vpnConnectionId: `vco-${n}`,
        name: `to branch ${n}`,
        state: 'active',
        status: 'ike_sa_not_established',
      })),
    },
  });
  assert.deepEqual(requests.map(({ action }) => action).sort(), [
    'DescribeVpnConnections',
    'DescribeVpnGateway',
    'GetCallerIdentity',
  ]);
});

test('no pre-shared key, BGP key or certificate is in the facts', async () => {
  const { facts } = await readWith((cloud) => cloud.answer('DescribeVpnConnections', page(3, [1, 2, 3])));
  assert.equal(facts.connections.items.length, 3);
  assert.doesNotMatch(JSON.stringify(facts), /xyz|Psk|AuthKey/i);
});

const wrong: [stated: object, fact: object][] = [
  [{ VpnGatewayId: 7 }, { vpnGatewayId: null }],
  [{ VpnGatewayId: 'vpn-other' }, { vpnGatewayId: 'vpn-other' }],
  [{ Name: ['x'] }, { name: null }],
  [{ GatewayType: undefined }, { gatewayType: null }],
  [{ GatewayType: '' }, { gatewayType: null }],
  [{ ChargeType: null }, { chargeType: null }],
  [{ Status: true }, { status: null }],
  [{ BusinessStatus: {} }, { businessStatus: null }],
  [{ EndTime: '1800000000000' }, { endTimeMs: null }],
  [{ EndTime: 1.5 }, { endTimeMs: null }],
  [{ EndTime: -1 }, { endTimeMs: null }],
  [{ EndTime: 2 ** 53 }, { endTimeMs: null }],
  [{ Tags: undefined }, { tags: null }],
  [{ Tags: { Tag: [] } }, { tags: [] }],
  [{ Tags: [] }, { tags: null }],
  [{ Tags: { Tag: {} } }, { tags: null }],
  [{ Tags: { Tag: [{ Key: 'a', Value: 'b' }, { Key: 'protected' }] } }, { tags: null }],
  [{ Tags: { Tag: [{ Key: 'a', Value: 1 }] } }, { tags: null }],
];
for (const [stated, fact] of wrong) {
  test(`${JSON.stringify(stated)} becomes ${JSON.stringify(fact)}`, async () => {
    const { facts } = await readWith((cloud) =>
      cloud.answer('DescribeVpnGateway', json(200, { ...gateway, ...stated })),
    );
    for (const [name, value] of Object.entries(fact)) {
      assert.deepEqual(facts.gateway[name as keyof typeof facts.gateway], value);
    }
  });
}

test('all pages are read, one after the other', async () => {
  const { facts, requests } = await readWith((cloud) =>
    cloud.answer(
      'DescribeVpnConnections',
      page(120, range(1, 50), { PageNumber: 1 }),
      page(120, range(51, 100), { PageNumber: 2 }),
      page(120, range(101, 120), { PageNumber: 3 }),
    ),
  );
  assert.equal(facts.connections.total, 120);
  assert.equal(new Set(facts.connections.items.map(({ vpnConnectionId }) => vpnConnectionId)).size, 120);
  const asked = requests.filter(({ action }) => action === 'DescribeVpnConnections');
  assert.deepEqual(
    asked.map(({ parameters }) => parameters),
    ['1', '2', '3'].map((PageNumber) => ({
      RegionId: region,
      VpnGatewayId: gatewayId,
      PageNumber,
      PageSize: '50',
    })),
  );
});

/** A list is complete only with a total that equals its items; policy refuses for any other. */
const isComplete = ({ connections }: EnhancedVpnGatewayFacts) =>
  connections.total === connections.items.length;

const unsound: [string, [Answer, ...Answer[]]][] = [
  ['the total grows between pages', [page(60, range(1, 50)), page(61, range(51, 60))]],
  ['the total shrinks between pages', [page(60, range(1, 50)), page(50, [])]],
  ['a page repeats', [page(100, range(1, 50)), page(100, range(1, 50))]],
  ['a connection is listed twice', [page(2, [1, 1])]],
  ['fewer are listed than counted', [page(3, [1, 2]), page(3, [])]],
  ['more are listed than counted', [page(1, [1, 2])]],
  ['none is counted and one listed', [page(0, [1])]],
  ['another page is answered', [page(60, range(1, 50)), page(60, range(51, 60), { PageNumber: 1 })]],
  ['the count is missing', [page(undefined, [])]],
  ['the count is a text', [page('0', [])]],
  ['the count is negative', [page(-1, [])]],
  ['the list is missing', [json(200, { RequestId: 'R', TotalCount: 0 })]],
  [
    'the list is no list',
    [json(200, { RequestId: 'R', TotalCount: 0, VpnConnections: { VpnConnection: {} } })],
  ],
  ['a connection has no id', [page(1, [], { VpnConnections: { VpnConnection: [{ Name: 'x' }] } })]],
  ['a connection is no object', [page(1, [], { VpnConnections: { VpnConnection: ['x'] } })]],
  [
    'a connection is of another gateway',
    [page(1, [], { VpnConnections: { VpnConnection: [{ ...connection(1), VpnGatewayId: 'vpn-b' }] } })],
  ],
  [
    'there is no end of pages',
    range(0, 30).map((n) => page(100_000, range(n * 50 + 1, n * 50 + 50))) as [Answer],
  ],
];
for (const [name, answers] of unsound) {
  test(`the connections are incomplete when ${name}`, async () => {
    const { facts } = await readWith((cloud) => cloud.answer('DescribeVpnConnections', ...answers));
    assert.equal(isComplete(facts), false, JSON.stringify(facts.connections.total));
  });
}

test('a read that fails in passing is repeated', async () => {
  const { facts } = await readWith((cloud) => {
    cloud.answer(
      'DescribeVpnGateway',
      reset,
      raw(502, '<html>'),
      refusal(400, 'InternalError'),
      json(200, gateway),
    );
    cloud.answer('DescribeVpnConnections', refusal(429, 'Throttling'), page(1, [1]));
  });
  assert.ok(isComplete(facts));
  assert.equal(facts.gateway.vpnGatewayId, gatewayId);
});

const failing: [string, action: string, Answer, code: string][] = [
  [
    'NotFound, a 400',
    'DescribeVpnGateway',
    refusal(400, 'InvalidVpnGatewayInstanceId.NotFound'),
    'GATEWAY_NOT_FOUND',
  ],
  [
    'NotFound, a 404',
    'DescribeVpnGateway',
    refusal(404, 'InvalidVpnGatewayInstanceId.NotFound'),
    'GATEWAY_NOT_FOUND',
  ],
  [
    'an undocumented NotFound',
    'DescribeVpnGateway',
    refusal(404, 'InvalidVpnGatewayId.NotFound'),
    'UPSTREAM_ERROR',
  ],
  ['a broken connection', 'DescribeVpnGateway', reset, 'UPSTREAM_TIMEOUT'],
  ['a page', 'DescribeVpnGateway', raw(200, '<html>'), 'UPSTREAM_UNINTELLIGIBLE'],
  ['no RequestId', 'DescribeVpnGateway', json(200, { VpnGatewayId: gatewayId }), 'UPSTREAM_UNINTELLIGIBLE'],
  ['a 500', 'DescribeVpnGateway', refusal(500, 'InternalError'), 'UPSTREAM_ERROR'],
  ['throttling', 'DescribeVpnGateway', refusal(400, 'Throttling.User'), 'UPSTREAM_THROTTLED'],
  [
    'a bad signature',
    'DescribeVpnGateway',
    refusal(400, 'SignatureDoesNotMatch'),
    'UPSTREAM_IDENTITY_REFUSED',
  ],
  ['no right', 'DescribeVpnGateway', refusal(403, 'Forbidden'), 'UPSTREAM_FORBIDDEN'],
  [
    'no right to the connections',
    'DescribeVpnConnections',
    refusal(403, 'Forbidden.RAM'),
    'UPSTREAM_FORBIDDEN',
  ],
  [
    'no such gateway, of the connections alone',
    'DescribeVpnConnections',
    refusal(404, 'InvalidVpnGatewayInstanceId.NotFound'),
    'UPSTREAM_ERROR',
  ],
  ['connections that break off', 'DescribeVpnConnections', reset, 'UPSTREAM_TIMEOUT'],
  [
    'no account',
    'GetCallerIdentity',
    refusal(400, 'InvalidSecurityToken.Expired'),
    'UPSTREAM_IDENTITY_REFUSED',
  ],
];
for (const [name, action, answer, code] of failing) {
  test(`${action} answered with ${name} is ${code}, and says what to do`, async () => {
    const reading = readWith((cloud) => cloud.answer(action, answer));
    await assert.rejects(reading, (error) => {
      assert.ok(error instanceof Problem);
      assert.equal(error.code, code);
      assert.equal(error.options.upstream?.action, action);
      assert.match(error.detail, /Nothing was deleted\. [A-Z].*\.$/);
      return true;
    });
  });
}

test('a missing gateway is said to be missing, whatever else fails', async () => {
  const reading = readWith((cloud) => {
    cloud.answer('DescribeVpnGateway', refusal(404, 'InvalidVpnGatewayInstanceId.NotFound'));
    cloud.answer('DescribeVpnConnections', refusal(403, 'Forbidden'));
    cloud.answer('GetCallerIdentity', refusal(400, 'IncompleteSignature'));
  });
  await assert.rejects(reading, (error) => error instanceof Problem && error.code === 'GATEWAY_NOT_FOUND');
});
