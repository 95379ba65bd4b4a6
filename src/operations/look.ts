import type { Look } from '../guard/cloud-operation.ts';
import type { Target } from '../guard/request.ts';
import { gatewayNotFound } from './gateway-errors.ts';
import { parseGateway } from './parse-facts.ts';
import { askForGateway, type ReadDeps } from './read-facts.ts';

/** `accountId`: the one that this instance serves. */
export type LookDeps = ReadDeps & { accountId: string };

/**
 * Looks at the gateway without touching it. `gone` is said only for the documented code, from the region asked and
 * with credentials of the right account: with others, every gateway would seem to be gone. Never throws.
 */
export async function lookAtGateway(deps: LookDeps, target: Target, deadlineMs: number): Promise<Look> {
  const result = await askForGateway(deps, target, deadlineMs);
  if (result.ok) {
    const { vpnGatewayId, status } = parseGateway(result.reply.body);
    if (vpnGatewayId !== target.resourceId || status === null) return 'unreadable';
    return status.toLowerCase() === 'deleting' ? 'deleting' : 'present';
  }
  const { reply } = result;
  if (reply.kind !== 'refused' || reply.code !== gatewayNotFound) return 'unreadable';
  if (reply.httpStatus !== 400 && reply.httpStatus !== 404) return 'unreadable';
  try {
    return (await deps.account(target.regionId)) === deps.accountId ? 'gone' : 'unreadable';
  } catch {
    return 'unreadable';
  }
}
