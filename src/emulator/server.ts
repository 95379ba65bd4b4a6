import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { OperatorError } from '../errors.ts';
import { type Action, actions } from './actions.ts';
import { adminPrefix, answerAdmin } from './admin.ts';
import { ApiError, apiErrors } from './api-error.ts';
import { type ClientTokens, createClientTokens } from './client-tokens.ts';
import { type Cloud, type CloudSeed, createCloud, type Timings } from './cloud.ts';
import { createFaults, type Fault, type Faults } from './faults.ts';
import { createJournal, type Effect, type Journal, type JournalEntry } from './journal.ts';
import { createReplayWindow, type ReplayWindow } from './replay-window.ts';
import { type RpcRequest, readRpcRequest } from './rpc-request.ts';
import { type AccessKey, verifySignature } from './signature.ts';

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

/** A running stand-in cloud. */
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

type World = {
  now: () => number;
  keys: ReadonlyMap<string, AccessKey>;
  cloud: Cloud;
  journal: Journal;
  faults: Faults;
  tokens: ClientTokens;
  replayWindow: ReplayWindow;
};

/** What is to be written, or that the connection is to be broken or left hanging. */
type Reply = { status: number; body: string; headers: Record<string, string> } | 'reset' | 'hang' | 'cut-off';

/** Starts the emulator. Rejects with OperatorError that says what to do when the port is taken. */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const { now } = options;
  const world: World = {
    now,
    keys: new Map(options.accessKeys.map((key) => [key.accessKeyId, key])),
    cloud: createCloud(options.seed, options.timings, now),
    journal: createJournal(),
    faults: createFaults(),
    tokens: createClientTokens(),
    replayWindow: createReplayWindow(now),
  };
  const server = createServer((req, res) => {
    const answered = req.url?.startsWith(adminPrefix)
      ? answerAdmin(req, res, world)
      : answer(world, req, res);
    answered.catch(() => res.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new OperatorError(
          `The emulator cannot listen on ${options.host}:${options.port} (${error.code ?? error.message}). Choose another port.`,
          { cause: error },
        ),
      ),
    );
    server.listen(options.port, options.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${options.host}:${port}`,
    port,
    cloud: world.cloud,
    journal: world.journal,
    faults: world.faults,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(world: World, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const requestId = randomUUID().toUpperCase();
  const entry: Omit<JournalEntry, 'sequence'> = {
    atMs: world.now(),
    action: '',
    accountId: null,
    regionId: null,
    resourceId: null,
    clientToken: null,
    effect: 'none',
    httpStatus: null,
    code: null,
    requestId,
    fault: null,
  };
  let reply: Reply;
  try {
    reply = await carryOut(world, await readRpcRequest(req), entry);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    entry.code = error.code;
    reply = errorReply(error, requestId, req.headers.host ?? 'vpc.aliyuncs.com');
  }
  if (typeof reply === 'object') entry.httpStatus = reply.status;
  world.journal.append(entry);
  write(reply, res);
}

/** Verifies the call, lets a fault meet it, runs it. Fills in `entry` on the way. Throws ApiError. */
async function carryOut(
  world: World,
  request: RpcRequest,
  entry: Omit<JournalEntry, 'sequence'>,
): Promise<Reply> {
  const { action, name } = actionOf(request);
  entry.action = name;
  const signed = verifySignature(request, (id) => world.keys.get(id));
  world.replayWindow(signed.key.accessKeyId, signed.nonce, signed.timestamp);
  const { accountId } = signed.key;
  const { parameters } = request;
  entry.accountId = accountId;
  entry.regionId = parameters.get('RegionId') ?? null;
  entry.resourceId = action.resource === null ? null : (parameters.get(action.resource) ?? null);
  entry.clientToken = parameters.get('ClientToken') ?? null;

  const fault = world.faults.take(name, entry.resourceId);
  entry.fault = fault?.kind ?? null;
  if (fault?.kind === 'latency') await delay(fault.ms);
  const isBefore = fault !== null && fault.kind !== 'latency' && fault.when === 'before';
  if (isBefore) return faultReply(fault, entry);

  const run = () =>
    action.run({
      accountId,
      regionId: regionOf(world, action, parameters),
      parameters,
      cloud: world.cloud,
      now: world.now,
    });
  const changes = action.effect !== 'none';
  const { answer: body, replayed } = changes
    ? world.tokens.once({ accountId, action: name, parameters }, run)
    : { answer: run(), replayed: false };
  entry.effect = effectOf(action, replayed);
  if (fault !== null && fault.kind !== 'latency') return faultReply(fault, entry);
  return jsonReply(200, { ...body, RequestId: entry.requestId });
}

function actionOf(request: RpcRequest): { action: Action; name: string } {
  const { headers, parameters } = request;
  if (request.method !== 'GET' && request.method !== 'POST') throw apiErrors.unsupportedMethod();
  if (request.pathname !== '/') throw apiErrors.unknownAction();
  const name = agreed(headers['x-acs-action'], parameters.get('Action'), 'Action');
  const version = agreed(headers['x-acs-version'], parameters.get('Version'), 'Version');
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (action === undefined) throw apiErrors.unknownAction();
  if (action.version !== version) throw apiErrors.unknownVersion();
  return { action, name };
}

/** What header and parameter say, which must not contradict each other: only one of them may be signed. */
function agreed(header: string | undefined, parameter: string | undefined, name: string): string {
  const value = header ?? parameter;
  if (value === undefined || value === '') throw apiErrors.missing(name);
  if (parameter !== undefined && parameter !== value) {
    throw apiErrors.malformed(`header and parameter name different values of ${name}`);
  }
  return value;
}

function regionOf(world: World, action: Action, parameters: ReadonlyMap<string, string>): string {
  if (!action.regional) return '';
  const regionId = parameters.get('RegionId');
  if (regionId === undefined || regionId === '') throw apiErrors.missing('RegionId');
  if (!world.cloud.regions.includes(regionId)) throw apiErrors.unknownRegion();
  return regionId;
}

function effectOf(action: Action, replayed: boolean): Effect {
  return replayed ? 'replayed' : action.effect;
}

function faultReply(
  fault: Exclude<Fault, { kind: 'latency' }>,
  entry: Omit<JournalEntry, 'sequence'>,
): Reply {
  if (fault.kind === 'reset' || fault.kind === 'hang') return fault.kind;
  if (fault.kind === 'error') {
    throw new ApiError(fault.status, fault.code, fault.message, fault.retryAfterMs);
  }
  const { requestId } = entry;
  switch (fault.answer) {
    case 'empty':
      return { status: 200, body: '', headers: {} };
    case 'html':
      return {
        status: 502,
        body: '<html><body>Bad Gateway</body></html>',
        headers: { 'Content-Type': 'text/html' },
      };
    case 'cut-off':
      return 'cut-off';
    case 'redirect':
      return { status: 302, body: '', headers: { Location: 'http://127.0.0.1:1/' } };
    case 'no-request-id':
      return jsonReply(200, {});
    case 'wrong-json':
      return {
        status: 200,
        body: `{"RequestId": ${requestId}`,
        headers: { 'Content-Type': 'application/json' },
      };
    case 'array':
      return { status: 200, body: '[]', headers: { 'Content-Type': 'application/json' } };
  }
}

function errorReply(error: ApiError, requestId: string, host: string): Reply {
  const reply = jsonReply(error.status, {
    RequestId: requestId,
    HostId: host,
    Code: error.code,
    Message: error.message,
    Recommend: `https://error-center.aliyun.com/status/search?Keyword=${encodeURIComponent(error.code)}&source=PopGw`,
  });
  if (error.retryAfterMs !== null) reply.headers['x-acs-retry-after'] = String(error.retryAfterMs);
  return reply;
}

function jsonReply(status: number, body: Record<string, unknown>) {
  const headers: Record<string, string> = { 'Content-Type': 'application/json;charset=utf-8' };
  return { status, body: JSON.stringify(body), headers };
}

function write(reply: Reply, res: ServerResponse): void {
  switch (reply) {
    case 'reset':
      res.socket?.resetAndDestroy();
      return;
    case 'hang':
      return;
    case 'cut-off':
      res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': '1000' });
      res.write('{"RequestId":"', () => res.socket?.destroy());
      return;
    default:
      res.writeHead(reply.status, { ...reply.headers, 'Content-Length': Buffer.byteLength(reply.body) });
      res.end(reply.body);
  }
}
