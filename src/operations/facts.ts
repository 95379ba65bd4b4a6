/**
 * What stands in the cloud, picked field by field from the cloud's answers: whatever is not named here (pre-shared
 * keys, BGP keys) never leaves the parser. A fact that the cloud did not state, or stated in another type, is null,
 * and policy refuses for it.
 */
export type EnhancedVpnGatewayFacts = {
  gateway: {
    vpnGatewayId: string | null;
    /** The region whose endpoint answered: the client's, not a copy of the request. */
    regionId: string;
    /** The account that the cloud itself names for the credentials in use (STS GetCallerIdentity). */
    accountId: string | null;
    name: string | null;
    /** `Enhanced.SiteToSite` or `Traditional`. */
    gatewayType: string | null;
    /** As the cloud spells it; its casing varies. */
    chargeType: string | null;
    /** `init`, `provisioning`, `active`, `updating`, `deleting`. */
    status: string | null;
    /** `Normal` or `FinancialLocked`. */
    businessStatus: string | null;
    /** Milliseconds since the epoch (UTC). */
    createTimeMs: number | null;
    /** End of a subscription's term, milliseconds since the epoch (UTC). */
    endTimeMs: number | null;
    resourceGroupId: string | null;
    vpcId: string | null;
    /** User tags; null when the cloud's answer has none that can be read, empty when it states none. */
    tags: readonly { key: string; value: string }[] | null;
  };
  connections: {
    /** As the cloud counts them. Facts are complete only when it equals the number of items. */
    total: number | null;
    items: readonly {
      vpnConnectionId: string | null;
      name: string | null;
      state: string | null;
      status: string | null;
    }[];
  };
};
