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
  const ike = {
    IkeVersion: 'ikev2',
    IkeMode: 'main',
    IkeEncAlg: 'aes256',
    IkeAuthAlg: 'sha256',
    IkePfs: 'group14',
  };
  const tunnel = (role: string) => ({
    Role: role,
    State: 'active',
    Status: connection.status,
    TunnelIkeConfig: { ...ike, Psk: emulatorSecrets.tunnelPsk },
    TunnelBgpConfig: { LocalAsn: '65001', PeerAsn: '65002', BgpStatus: 'success' },
  });
  return {
    VpnConnectionId: connection.vpnConnectionId,
    VpnGatewayId: gateway.vpnGatewayId,
    CustomerGatewayId: connection.customerGatewayId,
    Name: connection.name,
    Status: connection.status,
    State: connection.state,
    CreateTime: gateway.createTimeMs,
    AttachType: 'VPNGW',
    LocalSubnet: '10.0.0.0/16',
    RemoteSubnet: '192.168.0.0/16',
    IkeConfig: { ...ike, Psk: emulatorSecrets.psk },
    VpnBgpConfig: { LocalAsn: 65001, PeerAsn: 65002, AuthKey: emulatorSecrets.bgpKey, Status: 'success' },
    TunnelOptionsSpecification: { TunnelOptions: [tunnel('master'), tunnel('slave')] },
    Tag: { Tag: [] },
  };
}
