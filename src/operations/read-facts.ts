import type { Target } from '../guard/request.ts';
import type { Account } from '../upstream/account.ts';
import { read } from '../upstream/read.ts';
import type { OkReply, Rpc } from '../upstream/reply.ts';
import type { Pace } from '../upstream/retry.ts';
import { problemOf } from '../upstream/verdict.ts';
import type { EnhancedVpnGatewayFacts } from './facts.ts';
import { deleteErrors, gatewayNotFound } from './gateway-errors.ts';
import {
  type ConnectionFacts,
  type ConnectionPage,
  parseConnectionPage,
  parseGateway,
} from './parse-facts.ts';

export type ReadDeps = { rpc: Rpc; account: Account; pace: Pace; signal: AbortSignal };

const version = '2016-04-28';
/** The most that DescribeVpnConnections gives on a page. */
const pageSize = 50;
/** More connections than this one gateway can have; the facts stay incomplete rather than reading on for ever. */
const maxPages = 20;
/** That the gateway is missing is believed of its own description alone. */
const connectionErrors = deleteErrors.filter(({ on }) => on !== gatewayNotFound);

/**
 * What the cloud says of the gateway, its connections and the account, read side by side. Throws Problem
 * GATEWAY_NOT_FOUND when the cloud says so of the gateway itself, and UPSTREAM_* or CREDENTIALS_UNAVAILABLE when the
 * three cannot all be read before `deadlineMs` (since the epoch). What was read and is not sound is null instead.
 */
export async function readFacts(
  deps: ReadDeps,
  target: Target,
  deadlineMs: number,
): Promise<EnhancedVpnGatewayFacts> {
  const [gateway, connections, account] = await Promise.allSettled([
    describeGateway(deps, target, deadlineMs),
    readConnections(deps, target, deadlineMs),
    deps.account(target.regionId),
  ]);
  // In this order, so that a gateway that is not there is said to be missing whatever the others met.
  if (gateway.status === 'rejected') throw gateway.reason;
  if (account.status === 'rejected') throw account.reason;
  if (connections.status === 'rejected') throw connections.reason;
  return {
    gateway: {
      ...parseGateway(gateway.value.body),
      regionId: gateway.value.regionId,
      accountId: account.value,
    },
    connections: connections.value,
  };
}

/** Asks for the description of one gateway, once or until it is answered; what failed is told apart by the caller. */
export function askForGateway(deps: Omit<ReadDeps, 'account'>, target: Target, deadlineMs: number) {
  return read(
    deps,
    {
      service: 'Vpc',
      action: 'DescribeVpnGateway',
      version,
      regionId: target.regionId,
      parameters: { RegionId: target.regionId, VpnGatewayId: target.resourceId },
      signal: deps.signal,
      deadlineMs,
    },
    deleteErrors,
  );
}

async function describeGateway(deps: ReadDeps, target: Target, deadlineMs: number): Promise<OkReply> {
  const result = await askForGateway(deps, target, deadlineMs);
  if (result.ok) return result.reply;
  throw problemOf(result.row, { service: 'Vpc', action: 'DescribeVpnGateway' }, result.reply);
}

async function readConnections(
  deps: ReadDeps,
  target: Target,
  deadlineMs: number,
): Promise<EnhancedVpnGatewayFacts['connections']> {
  const items: ConnectionFacts[] = [];
  const seen = new Set<string>();
  let total: number | null = null;
  for (let pageNumber = 1; pageNumber <= maxPages; pageNumber += 1) {
    const page = parseConnectionPage((await describePage(deps, target, pageNumber, deadlineMs)).body);
    if (pageNumber === 1) total = page.total;
    const sound = isSound(page, { pageNumber, total, target, seen });
    for (const { vpnGatewayId: _, ...item } of page.items ?? []) items.push(item);
    // A list that shifts while it is read may have hidden a connection: with no total, policy refuses.
    if (!sound) return { total: null, items };
    if (items.length >= (total ?? 0) || page.items?.length === 0) break;
  }
  return { total, items };
}

/** Whether a page fits the pages before it and the question; notes its connections in `seen`. */
function isSound(
  page: ConnectionPage,
  {
    pageNumber,
    total,
    target,
    seen,
  }: { pageNumber: number; total: number | null; target: Target; seen: Set<string> },
): boolean {
  if (page.items === null || page.total !== total) return false;
  if (page.pageNumber !== null && page.pageNumber !== pageNumber) return false;
  for (const { vpnConnectionId, vpnGatewayId } of page.items) {
    if (vpnConnectionId === null || seen.has(vpnConnectionId)) return false;
    if (vpnGatewayId !== null && vpnGatewayId !== target.resourceId) return false;
    seen.add(vpnConnectionId);
  }
  return true;
}

async function describePage(
  deps: ReadDeps,
  target: Target,
  pageNumber: number,
  deadlineMs: number,
): Promise<OkReply> {
  const call = { service: 'Vpc', action: 'DescribeVpnConnections' } as const;
  const result = await read(
    deps,
    {
      ...call,
      version,
      regionId: target.regionId,
      parameters: {
        RegionId: target.regionId,
        VpnGatewayId: target.resourceId,
        PageNumber: String(pageNumber),
        PageSize: String(pageSize),
      },
      signal: deps.signal,
      deadlineMs,
    },
    connectionErrors,
  );
  if (!result.ok) throw problemOf(result.row, call, result.reply);
  return result.reply;
}
