import { z } from 'zod';
import type { EnhancedVpnGatewayFacts } from './facts.ts';

type GatewayFacts = Omit<EnhancedVpnGatewayFacts['gateway'], 'regionId' | 'accountId'>;
export type ConnectionFacts = EnhancedVpnGatewayFacts['connections']['items'][number];

/** A stated string; null when it is absent, empty or of another type. */
const text = z.string().min(1).max(1_024).nullable().catch(null).default(null);
/** A name may be empty: a gateway need not have one. */
const name = z.string().max(1_024).nullable().catch(null).default(null);
const epochMs = z.int().min(0).nullable().catch(null).default(null);

/** All tags or none: one that cannot be read could be the one that protects. */
const tags = z
  .object({ Tag: z.array(z.object({ Key: z.string(), Value: z.string() })).max(100) })
  .transform(({ Tag }) => Tag.map(({ Key, Value }) => ({ key: Key, value: Value })))
  .nullable()
  .catch(null)
  .default(null);

/**
 * The answer of DescribeVpnGateway. `Tag` is a JSON text of system labels and no user tag; it is not read. Casing is
 * left to policy: the cloud's own varies.
 */
const gateway = z.object({
  VpnGatewayId: text,
  Name: name,
  GatewayType: text,
  ChargeType: text,
  Status: text,
  BusinessStatus: text,
  CreateTime: epochMs,
  EndTime: epochMs,
  ResourceGroupId: text,
  VpcId: text,
  Tags: tags,
});

/** The facts about the gateway that its description states; whatever else it holds is dropped here. */
export function parseGateway(body: unknown): GatewayFacts {
  const stated = gateway.parse(body);
  return {
    vpnGatewayId: stated.VpnGatewayId,
    name: stated.Name,
    gatewayType: stated.GatewayType,
    chargeType: stated.ChargeType,
    status: stated.Status,
    businessStatus: stated.BusinessStatus,
    createTimeMs: stated.CreateTime,
    endTimeMs: stated.EndTime,
    resourceGroupId: stated.ResourceGroupId,
    vpcId: stated.VpcId,
    tags: stated.Tags,
  };
}

const count = z.int().min(0).nullable().catch(null).default(null);

const connection = z
  .object({ VpnConnectionId: text, Name: text, State: text, Status: text, VpnGatewayId: text })
  .nullable()
  .catch(null);

const connectionPage = z.object({
  TotalCount: count,
  PageNumber: count,
  VpnConnections: z
    .object({ VpnConnection: z.array(connection).max(1_000) })
    .nullable()
    .catch(null)
    .default(null),
});

/** One page of DescribeVpnConnections. `items` is null when the list cannot be read. */
export type ConnectionPage = {
  total: number | null;
  pageNumber: number | null;
  items: (ConnectionFacts & { vpnGatewayId: string | null })[] | null;
};

/** Reads a page. Pre-shared keys, BGP keys and certificates stand beside these fields and go no further than here. */
export function parseConnectionPage(body: unknown): ConnectionPage {
  const page = connectionPage.parse(body);
  const items = page.VpnConnections?.VpnConnection.map((item) => ({
    vpnConnectionId: item?.VpnConnectionId ?? null,
    name: item?.Name ?? null,
    state: item?.State ?? null,
    status: item?.Status ?? null,
    vpnGatewayId: item?.VpnGatewayId ?? null,
  }));
  return { total: page.TotalCount, pageNumber: page.PageNumber, items: items ?? null };
}
