import request, { type Response, type Test } from 'supertest';
import { type Gateway, startGateway } from '../../src/app.ts';
import { demoIssuerConfig, signDemoToken, startDemoIssuer } from '../../src/auth/demo-issuer.ts';
import { demoAccountId, demoGrants, demoRegions } from '../../src/commands/demo.ts';
import { type ConfigInput, checkConfig } from '../../src/config.ts';
import { demoSeed } from '../../src/emulator/demo-seed.ts';
import { type Emulator, emulatorDefaults, startEmulator } from '../../src/emulator/server.ts';
import { createLogger } from '../../src/log.ts';
import { assertContract } from './contract.ts';
import { temporaryDirectory } from './temporary-directory.ts';

export type Caller = { sub?: string; roles?: string[]; teams?: string[] };

export type TestGateway = AsyncDisposable & {
  readonly gateway: Gateway;
  readonly cloud: Emulator;
  readonly stateDir: string;
  /** Every log line so far, parsed. */
  readonly log: Record<string, unknown>[];
  token(caller?: Caller): Promise<string>;
  /** Sends a request as supertest does; the answer is held against openapi.yaml. */
  send(method: 'get' | 'delete' | 'post', path: string, headers?: Record<string, string>): Promise<Response>;
  /** Deletes a gateway as `caller`; the answer is held against openapi.yaml. */
  remove(
    gateway: string,
    options?: { caller?: Caller; query?: string; region?: string; headers?: Record<string, string> },
  ): Promise<Response>;
};

/** The caller whose team owns most of the demo's gateways. */
export const operator: Required<Caller> = {
  sub: 'ci-cleanup',
  roles: ['vpn-operator'],
  teams: ['network-lab'],
};
export const auditor: Required<Caller> = { sub: 'amelie', roles: ['auditor'], teams: [] };

/**
 * A real gateway before a real emulator and a real issuer, all on loopback. `changes` go over the demo's settings;
 * `now` is the gateway's clock alone.
 */
export async function startTestGateway(
  changes: Partial<ConfigInput> = {},
  now: () => number = Date.now,
): Promise<TestGateway> {
  await using stack = new AsyncDisposableStack();
  const stateDir = changes.stateDir ?? stack.use(temporaryDirectory()).path;
  const cloud = stack.use(
    await startEmulator({ ...emulatorDefaults, port: 0, now: Date.now, seed: demoSeed(Date.now) }),
  );
  const issuer = stack.use(await startDemoIssuer({ stateDir, port: 0 }));
  const endpoint = `127.0.0.1:${cloud.port}`;
  const config = checkConfig({
    port: 0,
    stateDir,
    accountId: demoAccountId,
    regions: demoRegions,
    issuers: [demoIssuerConfig(issuer.jwksUrl, demoGrants)],
    metrics: { port: 0 },
    ...changes,
    cloud: { endpoint, stsEndpoint: endpoint, protocol: 'http', ...changes.cloud },
  });
  const log: Record<string, unknown>[] = [];
  const [keys] = emulatorDefaults.accessKeys;
  if (keys === undefined) throw new Error('The emulator has no access key.');
  const gateway = stack.use(
    await startGateway(config, {
      log: createLogger('debug', { write: (line) => void log.push(JSON.parse(line)) }),
      now,
      credentials: { kind: 'static', ...keys, securityToken: null },
    }),
  );

  const token = (caller: Caller = operator) =>
    signDemoToken({
      stateDir,
      subject: caller.sub ?? operator.sub,
      roles: caller.roles ?? operator.roles,
      teams: caller.teams ?? operator.teams,
      tenant: null,
      ttlSeconds: 600,
      claims: {},
      now: Date.now,
    });
  const send: TestGateway['send'] = async (method, path, headers = {}) => {
    let sending: Test = request(gateway.url)[method](path);
    for (const [name, value] of Object.entries(headers)) sending = sending.set(name, value);
    const response = await sending.buffer(true);
    assertContract({
      method: method.toUpperCase(),
      path,
      status: response.status,
      headers: response.headers,
      body: bodyOf(response),
    });
    return response;
  };
  const owned = stack.move();
  return {
    gateway,
    cloud,
    stateDir,
    log,
    token,
    send,
    async remove(id, { caller = operator, query = '', region = 'cn-hangzhou', headers = {} } = {}) {
      const path = `/v1/regions/${region}/enhanced-vpn-gateways/${id}${query}`;
      return send('delete', path, { Authorization: `Bearer ${await token(caller)}`, ...headers });
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** supertest parses application/json alone; problems come as text. */
function bodyOf(response: Response): unknown {
  const type = response.headers['content-type'] ?? '';
  if (!type.includes('json')) return response.text;
  const parsed: unknown = JSON.parse(response.text);
  response.body = parsed;
  return parsed;
}
