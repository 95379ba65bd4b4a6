import { apiErrors } from './api-error.ts';
import type { Cloud, VpnGateway } from './cloud.ts';
import type { Effect } from './journal.ts';
import { describeConnection, describeGateway } from './views.ts';

/** A verified call: who asks, in which region, for what. */
export type ActionCall = {
  accountId: string;
  /** Empty for actions without a region. */
  regionId: string;
  parameters: ReadonlyMap<string, string>;
  cloud: Cloud;
  now: () => number;
};

export type Action = {
  version: string;
  /** Whether a RegionId must be given. */
  regional: boolean;
  /** What it does to the state when it succeeds. */
  effect: Effect;
  /** Name of the parameter that names the resource, for the journal. */
  resource: string | null;
  /** Returns the answer without RequestId; throws ApiError. Must not wait for anything. */
  run(call: ActionCall): Record<string, unknown>;
};

const vpc = { version: '2016-04-28', regional: true, effect: 'none', resource: 'VpnGatewayId' } as const;

/** Every action that the emulator knows. */
export const actions: Readonly<Record<string, Action>> = {
  DescribeVpnGateway: {
    ...vpc,
    run: (call) => describeGateway(gatewayOf(call, 404)),
  },
  DescribeVpnGateways: {
    ...vpc,
    run(call) {
      const { accountId, regionId, parameters, cloud } = call;
      const id = parameters.get('VpnGatewayId');
      const status = parameters.get('Status');
      const found = cloud
        .gatewaysOf(accountId, regionId)
        .filter((gateway) => id === undefined || gateway.vpnGatewayId === id)
        .filter((gateway) => status === undefined || gateway.status === status);
      const { items, ...page } = paged(call, found);
      return { ...page, VpnGateways: { VpnGateway: items.map(describeGateway) } };
    },
  },
  DescribeVpnConnections: {
    ...vpc,
    run(call) {
      const { accountId, regionId, parameters, cloud } = call;
      const id = parameters.get('VpnGatewayId');
      const found = cloud
        .gatewaysOf(accountId, regionId)
        .filter((gateway) => id === undefined || gateway.vpnGatewayId === id)
        .flatMap((gateway) =>
          gateway.connections.map((connection) => describeConnection(gateway, connection)),
        );
      const { items, ...page } = paged(call, found);
      return { ...page, VpnConnections: { VpnConnection: items } };
    },
  },
  CreateEnhancedVpnGateway: {
    ...vpc,
    effect: 'created',
    resource: null,
    run({ accountId, regionId, parameters, cloud }) {
      for (const name of ['VpcId', 'VSwitchId', 'DisasterRecoveryVSwitchId']) {
        if (!parameters.get(name)) throw apiErrors.missing(name);
      }
      const name = parameters.get('Name') ?? '';
      const gateway = cloud.create({ accountId, regionId, name, tags: [] });
      return { VpnGatewayId: gateway.vpnGatewayId, Name: name };
    },
  },
  DeleteEnhancedVpnGateway: {
    ...vpc,
    effect: 'deleted',
    run(call) {
      const gateway = gatewayOf(call, 400);
      refuseDeletion(gateway, call.now());
      call.cloud.startDeleting(gateway);
      return {};
    },
  },
  DeleteVpnConnection: {
    ...vpc,
    effect: 'connection-deleted',
    resource: 'VpnConnectionId',
    run({ accountId, regionId, parameters, cloud }) {
      const id = required(parameters, 'VpnConnectionId');
      const gateway = cloud
        .gatewaysOf(accountId, regionId)
        .find(({ connections }) => connections.some(({ vpnConnectionId }) => vpnConnectionId === id));
      if (gateway === undefined) throw apiErrors.connectionNotFound();
      if (gateway.status !== 'active') throw apiErrors.configuring();
      cloud.deleteConnection(gateway, id);
      return {};
    },
  },
  ListTagResources: {
    ...vpc,
    resource: 'ResourceId.1',
    run({ accountId, regionId, parameters, cloud }) {
      if (required(parameters, 'ResourceType').toUpperCase() !== 'VPNGATEWAY') {
        throw apiErrors.invalid('ResourceType');
      }
      const ids = [...parameters].filter(([name]) => /^ResourceId\.\d+$/.test(name)).map(([, id]) => id);
      const resources = cloud
        .gatewaysOf(accountId, regionId)
        .filter((gateway) => ids.length === 0 || ids.includes(gateway.vpnGatewayId))
        .flatMap((gateway) =>
          gateway.tags.map(({ key, value }) => ({
            ResourceId: gateway.vpnGatewayId,
            ResourceType: 'VpnGateWay',
            TagKey: key,
            TagValue: value,
          })),
        );
      return { NextToken: '', TagResources: { TagResource: resources } };
    },
  },
  GetCallerIdentity: {
    version: '2015-04-01',
    regional: false,
    effect: 'none',
    resource: null,
    run: ({ accountId }) => ({
      AccountId: accountId,
      Arn: `acs:ram::${accountId}:user/portcullis`,
      IdentityType: 'RAMUser',
      PrincipalId: `2${accountId}`,
      UserId: `2${accountId}`,
    }),
  },
};

/** The rules of the reference, in the order in which the emulator applies them; the real order is not documented. */
function refuseDeletion(gateway: VpnGateway, nowMs: number): void {
  if (gateway.deletionRefusal === 'Forbidden') throw apiErrors.forbidden();
  if (gateway.deletionRefusal === 'Forbidden.SubUser') throw apiErrors.forbiddenSubUser();
  if (gateway.deletionRefusal === 'TaskConflict' || gateway.status === 'deleting')
    throw apiErrors.taskConflict();
  // Not documented for this call: a traditional gateway is none that it knows.
  if (gateway.gatewayType !== 'Enhanced.SiteToSite') throw apiErrors.gatewayNotFound(400);
  if (gateway.status !== 'active') throw apiErrors.configuring();
  if (gateway.connections.length > 0) throw apiErrors.hasConnections();
  if (/^prepa/i.test(gateway.chargeType) && nowMs < gateway.endTimeMs) throw apiErrors.forbiddenRelease();
}

function gatewayOf(
  { accountId, regionId, parameters, cloud }: ActionCall,
  missingStatus: 400 | 404,
): VpnGateway {
  const gateway = cloud.gateway(regionId, required(parameters, 'VpnGatewayId'));
  // A gateway of another account is as good as none.
  if (gateway === null || gateway.accountId !== accountId) throw apiErrors.gatewayNotFound(missingStatus);
  return gateway;
}

function required(parameters: ReadonlyMap<string, string>, name: string): string {
  const value = parameters.get(name);
  if (value === undefined || value === '') throw apiErrors.missing(name);
  return value;
}

function paged<T>({ parameters }: ActionCall, all: readonly T[]) {
  const PageNumber = pageParameter(parameters, 'PageNumber', 1, 100_000);
  const PageSize = pageParameter(parameters, 'PageSize', 10, 50);
  const start = (PageNumber - 1) * PageSize;
  return { PageNumber, PageSize, TotalCount: all.length, items: all.slice(start, start + PageSize) };
}

function pageParameter(
  parameters: ReadonlyMap<string, string>,
  name: string,
  absent: number,
  max: number,
): number {
  const text = parameters.get(name);
  if (text === undefined) return absent;
  const value = /^[1-9]\d{0,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= max)) throw apiErrors.invalid(name);
  return value;
}
