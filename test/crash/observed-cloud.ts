import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import type { VpnGateway } from '../../src/emulator/cloud.ts';
import { demoSeed } from '../../src/emulator/demo-seed.ts';
import { type Emulator, emulatorDefaults, startEmulator } from '../../src/emulator/server.ts';
import type { AccessKey } from '../../src/emulator/signature.ts';
import type { Arrival, Effect, Witness } from './evidence.ts';

/** A cloud that outlives every gateway, and notes what reached it and what it did. */
export type ObservedCloud = AsyncDisposable & {
  emulator: Emulator;
  arrivals: readonly Arrival[];
  effects: readonly Effect[];
  /** The credentials of the next gateway process; no two have the same. */
  nextKey(): AccessKey;
  /** A new gateway that policy lets the callers delete; returns its id. */
  addGateway(): string;
};

export const regionId = 'cn-hangzhou';
const watched = new Set(['DeleteEnhancedVpnGateway', 'DescribeVpnGateway', 'DescribeVpnConnections']);
const maxProcesses = 5_000;

/**
 * Starts it. `witness` is asked for each deletion as it arrives, before the cloud knows of it. A gateway that is being
 * deleted is gone after `deletingMs`.
 */
export async function startObservedCloud(
  witness: (clientToken: string) => Witness,
  deletingMs: number,
): Promise<ObservedCloud> {
  const [like] = emulatorDefaults.accessKeys;
  const keys = Array.from({ length: maxProcesses }, (_, index) => ({
    ...like,
    accessKeyId: `LTAI-PROCESS-${index}`,
  }));
  const [template] = demoSeed(Date.now).gateways;
  if (template === undefined) throw new Error('The demo has no gateway.');
  const emulator = await startEmulator({
    ...emulatorDefaults,
    accessKeys: keys,
    port: 0,
    now: Date.now,
    seed: { regions: [regionId], gateways: [] },
    timings: { provisioningMs: 0, updatingMs: 0, deletingMs },
  });

  const arrivals: Arrival[] = [];
  const onArrival = (message: unknown): void => {
    const { request } = message as { request: IncomingMessage };
    if (request.socket.localPort !== emulator.port) return;
    const action = String(request.headers['x-acs-action']);
    if (!watched.has(action)) return;
    const { searchParams } = new URL(request.url ?? '/', 'http://cloud.invalid');
    const clientToken = searchParams.get('ClientToken');
    arrivals.push({
      atMs: Date.now(),
      sender: /Credential=([^,]+)/.exec(request.headers.authorization ?? '')?.[1] ?? '',
      action,
      resourceId: searchParams.get('VpnGatewayId') ?? '',
      clientToken,
      witnessed: action === 'DeleteEnhancedVpnGateway' ? witness(clientToken ?? '') : null,
    });
  };
  subscribe('http.server.request.start', onArrival);

  // The journal is bounded and this is not: no effect may be forgotten.
  const effects: Effect[] = [];
  const { journal } = emulator;
  const append = journal.append.bind(journal);
  journal.append = (entry) => {
    append(entry);
    const { atMs, clientToken, effect, resourceId } = entry;
    if (effect !== 'deleted' && effect !== 'replayed') return;
    effects.push({ atMs, clientToken, effect, resourceId: resourceId ?? '' });
  };

  let processes = 0;
  let gateways = 0;
  return {
    emulator,
    arrivals,
    effects,
    nextKey() {
      const key = keys[processes++];
      if (key === undefined) throw new Error(`There are no more than ${maxProcesses} keys.`);
      return key;
    },
    addGateway() {
      const vpnGatewayId = `vpn-crash${gateways++}`;
      const gateway: VpnGateway = { ...template, vpnGatewayId, name: vpnGatewayId };
      emulator.cloud.put(gateway);
      return vpnGatewayId;
    },
    async [Symbol.asyncDispose]() {
      unsubscribe('http.server.request.start', onArrival);
      await emulator[Symbol.asyncDispose]();
    },
  };
}
