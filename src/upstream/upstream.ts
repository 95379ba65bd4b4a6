import { type Account, createAccount } from './account.ts';
import { type CredentialSettings, createCredentialSource } from './credentials.ts';
import { guardRegions } from './region-guard.ts';
import type { Rpc, RpcCall, RpcReply } from './reply.ts';
import type { Pace } from './retry.ts';
import { createRpc, type RpcSettings } from './rpc.ts';

/** The cloud as the operations use it. */
export type Upstream = { rpc: Rpc; account: Account };

export type UpstreamSettings = RpcSettings & {
  credentials: CredentialSettings;
  concurrentCallsPerRegion: number;
};

export type UpstreamDeps = {
  pace: Pace;
  /** Aborts when the instance stops for good: calls in flight end, and their outcome is unknown. */
  signal: AbortSignal;
  /** Told of every attempt and of every call held back, for the log; `elapsedMs` includes waiting for a turn. */
  onReply: (call: RpcCall, reply: RpcReply, elapsedMs: number) => void;
};

/**
 * The client with its credentials, circuit breaker and concurrency limit a region, and the account behind the
 * credentials. Throws Error, all reasons at once, when the settings cannot be used. Dispose it after the last call.
 */
export function createUpstream(settings: UpstreamSettings, deps: UpstreamDeps): Upstream & Disposable {
  const credentials = createCredentialSource(settings.credentials);
  const client = createRpc(settings, credentials);
  const guarded = guardRegions(client.rpc, {
    concurrency: settings.concurrentCallsPerRegion,
    queue: settings.concurrentCallsPerRegion * 4,
    queueTimeoutMs: 2_000,
    breakerCalls: 20,
    breakerOpenMs: 10_000,
  });
  const rpc: Rpc = async (call) => {
    const startedMs = deps.pace.now();
    const reply = await guarded(call);
    deps.onReply(call, reply, deps.pace.now() - startedMs);
    return reply;
  };
  const account = createAccount(
    { rpc, credentials, pace: deps.pace, signal: deps.signal },
    { ttlMs: 10 * 60_000, budgetMs: 10_000 },
  );
  return { rpc, account, [Symbol.dispose]: () => client[Symbol.dispose]() };
}
