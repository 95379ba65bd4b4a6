import type { Connection, VpnGateway } from './cloud.ts';

/** Secrets as the real API returns them; tests look for these words where they must not be. */
export const emulatorSecrets = {
  psk: 'EMULATOR-PSK-do-not-leak',
  tunnelPsk: 'EMULATOR-TUNNEL-PSK-do-not-leak',
  bgpKey: 'EMULATOR-BGP-KEY-do-not-leak',
} as const;

/** A gateway as DescribeVpnGateway answers it, without RequestId. */
export function describeGateway(gateway: VpnGateway): Record<string, unknown> {
  return {
    VpnGatewayId: gateway.vpnGatewayId,
    Name: gateway.name,
    Description: '',
    GatewayType: gateway.gatewayType,
    VpnType: gateway.vpnType,
    ChargeType: gateway.chargeType,
    Status: gateway.status,
    BusinessStatus: gateway.businessStatus,
    CreateTime: gateway.createTimeMs,
    EndTime: gateway.endTimeMs,
    Spec: '1000M',
    NetworkType: gateway.networkType,
    IpsecVpn: 'enable',
    SslVpn: 'disable',
    SslMaxConnections: 0,
    SslVpnInternetIp: '',
    EnableBgp: false,
    AutoPropagate: true,
    InternetIp: '203.0.113.10',
    DisasterRecoveryInternetIp: '203.0.113.11',
    VpcId: gateway.vpcId,
    VSwitchId: gateway.vSwitchId,
    DisasterRecoveryVSwitchId: gateway.disasterRecoveryVSwitchId,
    ResourceGroupId: gateway.resourceGroupId,
    EniInstanceIds: { EniInstanceId: [`eni-${gateway.vpnGatewayId.slice(4)}`] },
    // System labels, as a JSON string: not the user's tags.
    Tag: '{"VpnEnableBgp":"true","VpnVersion":"v2.0.0"}',
    Tags: { Tag: gateway.tags.map(({ key, value }) => ({ Key: key, Value: value })) },
  };
}

/** A connection as DescribeVpnConnections lists it, keys and all. */
export function describeConnection(gateway: VpnGateway, connection: Connection): Record<string, unknown> {
  return {
    VpnConnectionId: connection.vpnConnectionId,
    VpnGatewayId: gateway.vpnGatewayId,
    CustomerGatewayId: connection.customerGatewayId,
    Name: connection.name,
    Status: connection.status,
    State: connection.state,
    CreateTime: gateway.createTimeMs,
    AttachType: 'VPNGW',
    ResourceGroupId: gateway.resourceGroupId,
    NetworkType: gateway.networkType,
    LocalSubnet: '10.0.0.0/16',
    RemoteSubnet: '192.168.0.0/16',
    EffectImmediately: false,
    EnableDpd: true,
    EnableNatTraversal: true,
    EnableTunnelsBgp: true,
    IkeConfig: { ...ike, IkeLifetime: 86_400, Psk: emulatorSecrets.psk },
    IpsecConfig: { ...ipsec, IpsecLifetime: 86_400 },
    VpnBgpConfig: { LocalAsn: 65001, PeerAsn: 65002, AuthKey: emulatorSecrets.bgpKey, Status: 'success' },
    TunnelOptionsSpecification: {
      TunnelOptions: ['master', 'slave'].map((role, index) => tunnel(connection, role, index + 1)),
    },
    Tag: { Tag: [] },
  };
}

const ike = {
  IkeVersion: 'ikev2',
  IkeMode: 'main',
  IkeEncAlg: 'aes256',
  IkeAuthAlg: 'sha256',
  IkePfs: 'group14',
  LocalId: '203.0.113.10',
  RemoteId: '198.51.100.1',
};
const ipsec = { IpsecEncAlg: 'aes256', IpsecAuthAlg: 'sha256', IpsecPfs: 'group14' };

/** Here the real API writes as text what it writes as numbers and booleans for the connection itself. */
function tunnel(connection: Connection, role: string, index: number): Record<string, unknown> {
  return {
    TunnelId: `tun-${connection.vpnConnectionId.slice(4)}${index}`,
    TunnelIndex: index,
    Role: role,
    State: 'active',
    Status: connection.status,
    CustomerGatewayId: connection.customerGatewayId,
    EnableDpd: 'true',
    EnableNatTraversal: 'true',
    TunnelIkeConfig: { ...ike, IkeLifetime: '86400', Psk: emulatorSecrets.tunnelPsk },
    TunnelIpsecConfig: { ...ipsec, IpsecLifetime: '86400' },
    TunnelBgpConfig: { LocalAsn: '65001', PeerAsn: '65002', BgpStatus: 'success' },
  };
}
