import { type CloudSeed, type Connection, farFutureMs, type VpnGateway } from './cloud.ts';

const day = 86_400_000;

/**
 * The gateways that the demo begins with: one for each thing that can happen. `now`: milliseconds since the epoch.
 */
export function demoSeed(now: () => number): CloudSeed {
  const atMs = now();
  const gateway = (vpnGatewayId: string, changes: Partial<VpnGateway> = {}): VpnGateway => ({
    accountId: '1234567890123456',
    regionId: 'cn-hangzhou',
    vpnGatewayId,
    name: `lab-${vpnGatewayId.slice('vpn-demo'.length)}`,
    gatewayType: 'Enhanced.SiteToSite',
    vpnType: 'Normal',
    networkType: 'public',
    vpcId: 'vpc-demo1',
    vSwitchId: 'vsw-demo1',
    disasterRecoveryVSwitchId: 'vsw-demo2',
    resourceGroupId: 'rg-demo1',
    chargeType: 'PostPay',
    status: 'active',
    settles: null,
    businessStatus: 'Normal',
    createTimeMs: atMs - 90 * day,
    endTimeMs: farFutureMs,
    tags: [
      { key: 'team', value: 'network-lab' },
      { key: 'env', value: 'lab' },
    ],
    connections: [],
    deletionRefusal: null,
    ...changes,
  });
  return {
    regions: ['cn-hangzhou', 'eu-central-1', 'ap-southeast-1'],
    gateways: [
      gateway('vpn-demodeletable1'),
      gateway('vpn-demodeletable2'),
      gateway('vpn-demoprotected1'),
      gateway('vpn-demoprod1', {
        name: 'prod-hangzhou-frankfurt',
        tags: [
          { key: 'team', value: 'network-lab' },
          { key: 'env', value: 'prod' },
          { key: 'protected', value: 'true' },
        ],
      }),
      gateway('vpn-demoprepaid1', { chargeType: 'Prepay', endTimeMs: atMs + 200 * day }),
      gateway('vpn-demoexpired1', { chargeType: 'Prepay', endTimeMs: atMs - 3 * day }),
      gateway('vpn-democonnected1', { connections: [connection(1, 'office'), connection(2, 'warehouse')] }),
      gateway('vpn-democonfiguring1', { status: 'updating' }),
      gateway('vpn-demodeleting1', { status: 'deleting' }),
      gateway('vpn-demolocked1', { businessStatus: 'FinancialLocked' }),
      gateway('vpn-demotraditional1', { gatewayType: 'Traditional' }),
      gateway('vpn-demoforeign1', {
        tags: [
          { key: 'team', value: 'payments' },
          { key: 'env', value: 'lab' },
        ],
      }),
      gateway('vpn-demofrankfurt1', { regionId: 'eu-central-1' }),
      gateway('vpn-demosingapore1', { regionId: 'ap-southeast-1' }),
    ],
  };
}

function connection(number: number, name: string): Connection {
  return {
    vpnConnectionId: `vco-demo${number}`,
    name,
    status: 'ipsec_sa_established',
    state: 'active',
    customerGatewayId: `cgw-demo${number}`,
  };
}
