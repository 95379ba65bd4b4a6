import { randomBytes } from 'node:crypto';

export type Tag = { key: string; value: string };

export type Connection = {
  vpnConnectionId: string;
  name: string;
  status: string;
  state: string;
  customerGatewayId: string;
};

/** A VPN gateway of the emulated cloud. Times in milliseconds since the epoch. */
export type VpnGateway = {
  accountId: string;
  regionId: string;
  vpnGatewayId: string;
  name: string;
  gatewayType: 'Enhanced.SiteToSite' | 'Traditional';
  vpnType: 'Normal' | 'NationalStandard';
  networkType: 'public' | 'private';
  vpcId: string;
  vSwitchId: string;
  disasterRecoveryVSwitchId: string;
  resourceGroupId: string;
  chargeType: string;
  status: 'init' | 'provisioning' | 'active' | 'updating' | 'deleting';
  /** What the status turns into, and when; null: it stays as it is. */
  settles: { atMs: number; into: 'active' | 'gone' } | null;
  businessStatus: string;
  createTimeMs: number;
  endTimeMs: number;
  tags: readonly Tag[];
  connections: readonly Connection[];
  /** An error that any deletion of it meets, whatever its state. */
  deletionRefusal: 'Forbidden' | 'Forbidden.SubUser' | 'TaskConflict' | 'InternalError' | null;
};

/** What one who creates a gateway says of it; the rest follows. */
export type WantedGateway = Pick<
  VpnGateway,
  | 'accountId'
  | 'regionId'
  | 'name'
  | 'vpnType'
  | 'networkType'
  | 'vpcId'
  | 'vSwitchId'
  | 'disasterRecoveryVSwitchId'
  | 'resourceGroupId'
>;

export type CloudSeed = { regions: readonly string[]; gateways: readonly VpnGateway[] };

export type Timings = { provisioningMs: number; updatingMs: number; deletingMs: number };

/** The state of the emulated cloud. Nothing runs in the background: a gateway settles when it is next looked at. */
export type Cloud = {
  readonly regions: readonly string[];
  /** A gateway of any account in that region; null: there is none, or no longer. */
  gateway(regionId: string, vpnGatewayId: string): VpnGateway | null;
  /** In the order of their creation. */
  gatewaysOf(accountId: string, regionId: string): VpnGateway[];
  /** Whether a gateway of that account stood there once and is gone. Only the last ten thousand are remembered. */
  hasGone(accountId: string, regionId: string, vpnGatewayId: string): boolean;
  put(gateway: VpnGateway): void;
  /** Puts `changes` on a gateway that is there. */
  change(gateway: VpnGateway, changes: Partial<VpnGateway>): void;
  /** Null: there are too many already. */
  create(wanted: WantedGateway): VpnGateway | null;
  startDeleting(gateway: VpnGateway): void;
  deleteConnection(gateway: VpnGateway, vpnConnectionId: string): void;
};

const maxGateways = 10_000;
const maxGone = 10_000;

/** A cloud with the gateways of `seed`. `now`: milliseconds since the epoch. */
export function createCloud(seed: CloudSeed, timings: Timings, now: () => number): Cloud {
  const gateways = new Map<string, VpnGateway>();
  // By account: to any other, a gateway that is gone is one that never was.
  const gone = new Map<string, string>();
  const nameOf = (regionId: string, vpnGatewayId: string) => `${regionId}/${vpnGatewayId}`;
  const put = (gateway: VpnGateway) =>
    void gateways.set(nameOf(gateway.regionId, gateway.vpnGatewayId), { ...gateway });
  for (const gateway of seed.gateways) put(gateway);

  function settled(gateway: VpnGateway): VpnGateway | null {
    const { settles } = gateway;
    if (settles === null || now() < settles.atMs) return gateway;
    if (settles.into === 'gone') {
      const name = nameOf(gateway.regionId, gateway.vpnGatewayId);
      gateways.delete(name);
      gone.delete(name);
      gone.set(name, gateway.accountId);
      const [oldest] = gone.keys();
      if (gone.size > maxGone && oldest !== undefined) gone.delete(oldest);
      return null;
    }
    gateway.status = settles.into;
    gateway.settles = null;
    return gateway;
  }

  return {
    regions: seed.regions,
    put,
    gateway(regionId, vpnGatewayId) {
      const gateway = gateways.get(nameOf(regionId, vpnGatewayId));
      return gateway === undefined ? null : settled(gateway);
    },
    gatewaysOf: (accountId, regionId) =>
      [...gateways.values()].filter(
        (gateway) =>
          gateway.accountId === accountId && gateway.regionId === regionId && settled(gateway) !== null,
      ),
    hasGone: (accountId, regionId, vpnGatewayId) => gone.get(nameOf(regionId, vpnGatewayId)) === accountId,
    change: (gateway, changes) => void Object.assign(gateway, changes),
    create(wanted) {
      if (gateways.size >= maxGateways) return null;
      const createTimeMs = now();
      const vpnGatewayId = `vpn-${randomBytes(10).toString('hex')}`;
      const gateway: VpnGateway = {
        ...wanted,
        vpnGatewayId,
        gatewayType: 'Enhanced.SiteToSite',
        chargeType: 'PostPay',
        status: 'provisioning',
        settles: { atMs: createTimeMs + timings.provisioningMs, into: 'active' },
        businessStatus: 'Normal',
        createTimeMs,
        endTimeMs: farFutureMs,
        tags: [],
        connections: [],
        deletionRefusal: null,
      };
      put(gateway);
      return gateway;
    },
    startDeleting(gateway) {
      gateway.status = 'deleting';
      gateway.settles = { atMs: now() + timings.deletingMs, into: 'gone' };
    },
    deleteConnection(gateway, vpnConnectionId) {
      gateway.connections = gateway.connections.filter((one) => one.vpnConnectionId !== vpnConnectionId);
      gateway.status = 'updating';
      gateway.settles = { atMs: now() + timings.updatingMs, into: 'active' };
    },
  };
}

/** What stands as EndTime of a gateway without a term: 2099-09-08T16:00:00Z. */
export const farFutureMs = 4_092_652_800_000;
