import { apiErrors } from './api-error.ts';
import type { Cloud, VpnGateway } from './cloud.ts';
import type { Effect } from './journal.ts';
import {
  choice,
  continued,
  matches,
  type Parameters,
  paged,
  required,
  tagFilters,
  tagged,
} from './parameters.ts';
import { describeConnection, describeGateway } from './views.ts';

/** A verified call: who asks, in which region, for what. */
export type ActionCall = {
  accountId: string;
  /** Whether the key that signed is a temporary one. */
  temporaryKey: boolean;
  /** Empty for actions without a region. */
  regionId: string;
  parameters: Parameters;
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
    run: (call) => describeGateway(ownGateway(call) ?? notFound(404)),
  },
  DescribeVpnGateways: {
    ...vpc,
    run(call) {
      const { parameters } = call;
      const tags = tagFilters(parameters);
      const found = selectedGateways(call).filter(
        (gateway) =>
          tagged(gateway.tags, tags) &&
          matches(parameters, {
            VpcId: gateway.vpcId,
            Status: gateway.status,
            BusinessStatus: gateway.businessStatus,
            GatewayType: gateway.gatewayType,
            ResourceGroupId: gateway.resourceGroupId,
          }),
      );
      const { items, ...page } = paged(parameters, found);
      return { ...page, VpnGateways: { VpnGateway: items.map(describeGateway) } };
    },
  },
  DescribeVpnConnections: {
    ...vpc,
    run(call) {
      const { parameters } = call;
      // Connections of the emulator have no tags.
      const untagged = tagFilters(parameters).length === 0;
      const found = (untagged ? selectedGateways(call) : []).flatMap((gateway) =>
        gateway.connections
          .filter(({ vpnConnectionId, customerGatewayId }) =>
            matches(parameters, {
              VpnConnectionId: vpnConnectionId,
              CustomerGatewayId: customerGatewayId,
              ResourceGroupId: gateway.resourceGroupId,
            }),
          )
          .map((connection) => ({ gateway, connection })),
      );
      const { items, ...page } = paged(parameters, found);
      const VpnConnection = items.map(({ gateway, connection }) => describeConnection(gateway, connection));
      return { ...page, VpnConnections: { VpnConnection } };
    },
  },
  CreateEnhancedVpnGateway: {
    ...vpc,
    effect: 'created',
    resource: null,
    run({ accountId, regionId, parameters, cloud }) {
      choice(parameters, 'GatewayType', ['Enhanced.SiteToSite'], 'Enhanced.SiteToSite');
      const name = parameters.get('Name') ?? '';
      const gateway = cloud.create({
        accountId,
        regionId,
        name,
        vpcId: required(parameters, 'VpcId'),
        vSwitchId: required(parameters, 'VSwitchId'),
        disasterRecoveryVSwitchId: required(parameters, 'DisasterRecoveryVSwitchId'),
        resourceGroupId: parameters.get('ResourceGroupId') ?? 'rg-default',
        vpnType: choice(parameters, 'VpnType', ['Normal', 'NationalStandard'], 'Normal'),
        networkType: choice(parameters, 'NetworkType', ['public', 'private'], 'public'),
      });
      if (gateway === null) throw apiErrors.quotaExceeded();
      return { VpnGatewayId: gateway.vpnGatewayId, Name: name };
    },
  },
  DeleteEnhancedVpnGateway: {
    ...vpc,
    effect: 'deleted',
    run(call) {
      const { accountId, regionId, parameters, cloud } = call;
      const gateway = ownGateway(call);
      if (gateway === null) {
        // The reference lists the code under 400 and under 404, and does not say when which is answered.
        const stoodHere = cloud.hasGone(accountId, regionId, required(parameters, 'VpnGatewayId'));
        return notFound(stoodHere ? 404 : 400);
      }
      refuseDeletion(gateway, call.now());
      cloud.startDeleting(gateway);
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
      const filters = tagFilters(parameters);
      if (ids.length === 0 && filters.length === 0) throw apiErrors.missing('ResourceId');
      const found = cloud
        .gatewaysOf(accountId, regionId)
        .filter(({ vpnGatewayId }) => ids.length === 0 || ids.includes(vpnGatewayId))
        .filter(({ tags }) => tagged(tags, filters))
        .flatMap(({ vpnGatewayId, tags }) =>
          tags
            .filter((tag) => filters.length === 0 || filters.some(({ key }) => key === tag.key))
            .map(({ key, value }) => ({
              ResourceId: vpnGatewayId,
              ResourceType: 'VpnGateWay',
              TagKey: key,
              TagValue: value,
            })),
        );
      const { items, NextToken } = continued(parameters, found);
      return { NextToken, TagResources: { TagResource: items } };
    },
  },
  GetCallerIdentity: {
    version: '2015-04-01',
    regional: false,
    effect: 'none',
    resource: null,
    run: ({ accountId, temporaryKey }) => ({
      AccountId: accountId,
      Arn: temporaryKey
        ? `acs:ram::${accountId}:assumed-role/portcullis/session`
        : `acs:ram::${accountId}:user/portcullis`,
      IdentityType: temporaryKey ? 'AssumedRoleUser' : 'RAMUser',
      PrincipalId: `2${accountId}`,
      UserId: `2${accountId}`,
    }),
  },
};

/** The rules of the reference, in the order in which the emulator applies them; the real order is not documented. */
function refuseDeletion(gateway: VpnGateway, nowMs: number): void {
  const { deletionRefusal } = gateway;
  if (deletionRefusal === 'Forbidden') throw apiErrors.forbidden();
  if (deletionRefusal === 'Forbidden.SubUser') throw apiErrors.forbiddenSubUser();
  if (deletionRefusal === 'InternalError') throw apiErrors.internal();
  if (deletionRefusal === 'TaskConflict' || gateway.status === 'deleting') throw apiErrors.taskConflict();
  // Not documented for this call: a traditional gateway is none that it knows.
  if (gateway.gatewayType !== 'Enhanced.SiteToSite') notFound(400);
  if (gateway.status !== 'active') throw apiErrors.configuring();
  if (gateway.connections.length > 0) throw apiErrors.hasConnections();
  if (/^prepa/i.test(gateway.chargeType) && nowMs < gateway.endTimeMs) throw apiErrors.forbiddenRelease();
}

/** The gateway named by VpnGatewayId; null: none, or one of another account, which is as good as none. */
function ownGateway({ accountId, regionId, parameters, cloud }: ActionCall): VpnGateway | null {
  const gateway = cloud.gateway(regionId, required(parameters, 'VpnGatewayId'));
  return gateway?.accountId === accountId ? gateway : null;
}

/** The gateway named by VpnGatewayId, or all of the account when none is named. */
function selectedGateways(call: ActionCall): VpnGateway[] {
  const id = call.parameters.get('VpnGatewayId');
  if (id === undefined || id === '') return call.cloud.gatewaysOf(call.accountId, call.regionId);
  const gateway = ownGateway(call);
  return gateway === null ? [] : [gateway];
}

function notFound(status: 400 | 404): never {
  throw apiErrors.gatewayNotFound(status);
}
