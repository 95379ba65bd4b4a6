import { randomUUID } from 'node:crypto';
import type { CloudOperation } from '../guard/cloud-operation.ts';
import type { Target } from '../guard/request.ts';
import { callUntilKnown } from './call-until-known.ts';
import { deleteErrors, gatewayNotFound } from './gateway-errors.ts';
import { type LookDeps, lookAtGateway } from './look.ts';
import { readFacts } from './read-facts.ts';

export type DeleteSettings = {
  /** Milliseconds that reading the facts may take, all attempts together. */
  factsBudgetMs: number;
  /** Milliseconds that the deletion may take, all attempts together; below 30 s, counted from the decision. */
  callBudgetMs: number;
  /** Milliseconds that a look may take, all attempts together. */
  lookBudgetMs: number;
};

/** What the cloud calls it, and where callers find it. */
export const deleteEnhancedVpnGateway = {
  service: 'Vpc',
  action: 'DeleteEnhancedVpnGateway',
  version: '2016-04-28',
  resourceType: 'enhanced-vpn-gateway',
  pathTemplate: '/v1/regions/{regionId}/enhanced-vpn-gateways/{vpnGatewayId}',
  idPattern: /^vpn-[a-z0-9]{1,60}$/,
} as const;

/** A ClientToken: 39 ASCII characters with 122 random bits, so that no two are alike. */
export function newClientToken(): string {
  return `pc-${randomUUID()}`;
}

/** The whole request. Nothing else is ever sent, whatever a caller asked with. */
function parameters(target: Target, clientToken: string) {
  return { RegionId: target.regionId, VpnGatewayId: target.resourceId, ClientToken: clientToken };
}

/** The guarded operation over the cloud that `deps` reach. */
export function createDeleteEnhancedVpnGateway(deps: LookDeps, settings: DeleteSettings): CloudOperation {
  const { rpc, pace, signal } = deps;
  const { service, action, version, resourceType } = deleteEnhancedVpnGateway;
  const look = (target: Target) => lookAtGateway(deps, target, pace.now() + settings.lookBudgetMs);
  return {
    action,
    resourceType,
    newClientToken,
    readFacts: (target) => readFacts(deps, target, pace.now() + settings.factsBudgetMs),
    call: (target, clientToken, permission) =>
      callUntilKnown(
        { rpc, pace, errors: deleteErrors, notFound: gatewayNotFound, look: () => look(target) },
        {
          service,
          action,
          version,
          regionId: target.regionId,
          parameters: parameters(target, clientToken),
          signal,
          permission,
          deadlineMs: pace.now() + settings.callBudgetMs,
        },
      ),
    look,
  };
}
