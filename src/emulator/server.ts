import { createServer, type Server } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import { OperatorError } from '../errors.ts';
import { adminPrefix, answerAdmin } from './admin.ts';
import { answerCall, type World } from './answer-call.ts';
import { createClientTokens } from './client-tokens.ts';
import { type Cloud, type CloudSeed, createCloud, type Timings } from './cloud.ts';
import { createFaults, type Faults } from './faults.ts';
import { createJournal, type Journal, journalLimits } from './journal.ts';
import { createReplayWindow } from './replay-window.ts';
import type { AccessKey } from './signature.ts';

export type EmulatorOptions = {
  host: string;
  /** 0: any free one. */
  port: number;
  /** Milliseconds since the epoch. */
  now: () => number;
  accessKeys: readonly AccessKey[];
  seed: CloudSeed;
  timings: Timings;
};

/** A running stand-in cloud. Disposing it breaks what is still connected; calls that a fault delays have no effect. */
export type Emulator = AsyncDisposable & {
  readonly url: string;
  readonly port: number;
  readonly cloud: Cloud;
  readonly journal: Journal;
  readonly faults: Faults;
};

/** Settings of the demo and the tests; the keys open nothing but an emulator. */
export const emulatorDefaults = {
  host: '127.0.0.1',
  accessKeys: [
    {
      accessKeyId: 'LTAI-EMULATOR',
      accessKeySecret: 'EMULATOR-SECRET-do-not-leak',
      accountId: '1234567890123456',
      securityToken: null,
    },
  ],
  timings: { provisioningMs: 5_000, updatingMs: 5_000, deletingMs: 5_000 },
} as const satisfies Partial<EmulatorOptions>;

/** Starts the emulator. Rejects with OperatorError that says what to do when the port cannot be had. */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const { now } = options;
  const ended = new AbortController();
  const keys = new Map(options.accessKeys.map((key) => [key.accessKeyId, key]));
  const world: World = {
    now,
    findKey: (accessKeyId) => keys.get(accessKeyId),
    cloud: createCloud(options.seed, options.timings, now),
    journal: createJournal(journalLimits),
    faults: createFaults(),
    tokens: createClientTokens(),
    replayWindow: createReplayWindow(now),
    signal: ended.signal,
  };
  const server = createServer((req, res) => {
    const answered = req.url?.startsWith(adminPrefix)
      ? answerAdmin(req, res, world)
      : answerCall(world, req, res);
    answered.catch(() => res.destroy());
  });
  // Clients keep connections longer than Node does, and take one that is closed under them for a fault.
  server.keepAliveTimeout = 60_000;
  const { address, port } = await listen(server, options);
  return {
    url: `http://${isIPv6(address) ? `[${address}]` : address}:${port}`,
    port,
    cloud: world.cloud,
    journal: world.journal,
    faults: world.faults,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        ended.abort();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function listen(
  server: Server,
  { host, port }: Pick<EmulatorOptions, 'host' | 'port'>,
): Promise<AddressInfo> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new OperatorError(
          `The emulator cannot listen on ${host}:${port} (${error.code ?? error.message}). Choose another port.`,
          { cause: error },
        ),
      ),
    );
    server.listen(port, host, resolve);
  });
  return server.address() as AddressInfo;
}
