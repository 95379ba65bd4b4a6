import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import type { SendPermission } from '../../src/guard/cloud-operation.ts';
import { createDeleteEnhancedVpnGateway } from '../../src/operations/delete-enhanced-vpn-gateway.ts';
import type { Account } from '../../src/upstream/account.ts';
import { createAccount } from '../../src/upstream/account.ts';
import { createCredentialSource } from '../../src/upstream/credentials.ts';
import type { RpcCall } from '../../src/upstream/reply.ts';
import type { Pace } from '../../src/upstream/retry.ts';
import { createRpc } from '../../src/upstream/rpc.ts';

export const region = 'eu-central-1';
export const gatewayId = 'vpn-gw8qo3x1l2test';
export const accountId = '1234567890123456';
export const target = { regionId: region, resourceId: gatewayId };
export const keys = {
  accessKeyId: 'LTAI5tTestKeyIdAbcdefgh1',
  accessKeySecret: 'secretSecretSecretSecret1',
  securityToken: 'CAIStestSessionToken1234567890',
} as const;

/** A clock that only sleeping moves, so that deadlines pass without waiting. */
export function frozenPace(startMs = 1_700_000_000_000): Pace & { waits: number[] } {
  let nowMs = startMs;
  const waits: number[] = [];
  return {
    waits,
    now: () => nowMs,
    random: () => 0.5,
    sleep: async (ms) => {
      waits.push(ms);
      nowMs += ms;
    },
  };
}

export const endpointsAt = (host: string) =>
  ({ endpoint: host, stsEndpoint: host, protocol: 'http', network: 'public' }) as const;

/** The client at a loopback server, one attempt limited to `readTimeoutMs`. */
export function clientAt(host: string, limits = { connectTimeoutMs: 2_000, readTimeoutMs: 5_000 }) {
  const credentials = createCredentialSource({ kind: 'static', ...keys });
  const client = createRpc({ regions: [region], endpoints: endpointsAt(host), ...limits }, credentials);
  return Object.assign(client, { credentials });
}

/** The guarded operation at a loopback server, on a frozen clock. Asks STS there too unless `account` is given. */
export function operationAt(
  host: string,
  options: { pace: Pace; readTimeoutMs: number; account: Account | null; signal: AbortSignal },
) {
  const { pace, signal } = options;
  const {
    credentials,
    rpc,
    [Symbol.dispose]: dispose,
  } = clientAt(host, {
    connectTimeoutMs: 2_000,
    readTimeoutMs: options.readTimeoutMs,
  });
  const account =
    options.account ?? createAccount({ rpc, credentials, pace, signal }, { ttlMs: 60_000, budgetMs: 3_000 });
  const operation = createDeleteEnhancedVpnGateway(
    { rpc, account, accountId, pace, signal },
    { factsBudgetMs: 5_000, callBudgetMs: 20_000, lookBudgetMs: 3_000 },
  );
  return { operation, rpc, [Symbol.dispose]: dispose };
}

/** Leave to send that never ends. */
export const permitted: SendPermission = { holds: () => true, renew: () => Promise.resolve(true) };

export function callOf(action: string, changes: Partial<RpcCall> = {}): RpcCall {
  return {
    service: 'Vpc',
    action,
    version: '2016-04-28',
    regionId: region,
    parameters: { RegionId: region, VpnGatewayId: gatewayId },
    timeoutMs: 5_000,
    mayLeave: null,
    signal: new AbortController().signal,
    ...changes,
  };
}

/** `127.0.0.1:port` where nothing listens: bound once, and given back. */
export async function closedPort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${port}`;
}
