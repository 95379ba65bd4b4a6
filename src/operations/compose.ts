import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { CloudOperation } from '../guard/cloud-operation.ts';
import { createAccount } from '../upstream/account.ts';
import { type CredentialSettings, createCredentialSource } from '../upstream/credentials.ts';
import { guardRegions } from '../upstream/region-guard.ts';
import type { Rpc } from '../upstream/reply.ts';
import { systemPace } from '../upstream/retry.ts';
import { createRpc } from '../upstream/rpc.ts';
import { createDeleteEnhancedVpnGateway } from './delete-enhanced-vpn-gateway.ts';

/**
 * The guarded operation over the cloud of the settings: credentials, client, breaker, account. What needs closing goes onto
 * `stack`. Throws OperatorError when the endpoints cannot be used.
 */
export function composeCloudOperation(
  config: Config,
  { credentials, now, log }: { credentials: CredentialSettings; now: () => number; log: Logger },
  stack: AsyncDisposableStack,
): CloudOperation {
  const { cloud } = config;
  const source = createCredentialSource(credentials);
  const client = stack.use(
    createRpc(
      {
        regions: config.regions,
        endpoints: {
          endpoint: cloud.endpoint,
          stsEndpoint: cloud.stsEndpoint,
          protocol: cloud.protocol,
          network: cloud.network,
        },
        connectTimeoutMs: cloud.connectTimeoutMs,
        readTimeoutMs: cloud.readTimeoutMs,
      },
      source,
    ),
  );
  const rpc = guardRegions(loggingTrouble(client.rpc, log), {
    concurrency: cloud.concurrentCallsPerRegion,
    queue: cloud.concurrentCallsPerRegion * 4,
    queueTimeoutMs: 2_000,
    breakerCalls: 20,
    breakerOpenMs: 5_000,
  });
  const abort = new AbortController();
  stack.defer(() => abort.abort());
  const pace = { ...systemPace, now };
  const { signal } = abort;
  return createDeleteEnhancedVpnGateway(
    {
      rpc,
      pace,
      signal,
      accountId: config.accountId,
      account: createAccount(
        { rpc, credentials: source, pace, signal },
        { ttlMs: 600_000, budgetMs: 10_000 },
      ),
    },
    { factsBudgetMs: 12_000, callBudgetMs: cloud.callDeadlineMs, lookBudgetMs: 4_000 },
  );
}

/** One line for every attempt that did not succeed: retries that help in the end are seen nowhere else. */
function loggingTrouble(rpc: Rpc, log: Logger): Rpc {
  return async (call) => {
    const reply = await rpc(call);
    if (reply.kind !== 'ok') {
      const { VpnGatewayId: gateway, ClientToken: clientToken } = call.parameters;
      log.warn(
        { action: call.action, regionId: call.regionId, gateway, clientToken, reply },
        'the cloud did not do as asked',
      );
    }
    return reply;
  };
}
