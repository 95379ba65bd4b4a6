import { lookup } from 'node:dns/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, BlockList, isIPv6 } from 'node:net';
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
  /** A loopback address, or a name of one. */
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

/** Starts the emulator. Rejects with OperatorError that says what to do about a bad host or a port that cannot be had. */
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
  const { address, port } = await listen(server, {
    host: await loopbackAddress(options.host),
    port: options.port,
  });
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

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');

/** The address of `host`. Anyone who reaches the admin endpoint may use it, so nobody else's machine may. */
async function loopbackAddress(host: string): Promise<string> {
  const found = await lookup(host).catch((error: unknown) => {
    throw new OperatorError(`The host ${host} has no address. Let the emulator listen on 127.0.0.1.`, {
      cause: error,
    });
  });
  if (!loopback.check(found.address, found.family === 6 ? 'ipv6' : 'ipv4')) {
    throw new OperatorError(
      `The emulator cannot listen on ${host}: its admin endpoint asks for no credentials, so it serves this ` +
        'machine only. Let it listen on 127.0.0.1.',
    );
  }
  return found.address;
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
