import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { demoIssuerConfig, signDemoToken, startDemoIssuer } from '../src/auth/demo-issuer.ts';
import { demoAccountId, demoGrants, demoRegions } from '../src/commands/demo.ts';
import { readSources } from '../src/policy/authoring/sources.ts';
import { wideBundle } from '../test/crash/wide-bundle.ts';

export type System = AsyncDisposable & {
  url: string;
  emulatorEndpoint: string;
  /** A bearer token of a caller who may delete, and of one who may not. */
  tokens: { operator: string; stranger: string };
  /** After a collection, bytes. */
  memory(): Promise<{ rss: number; heapUsed: number }>;
};

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));

/**
 * Gateway and emulator, each in a process of its own, on loopback; `gateways` of them are there to be deleted, under
 * budgets that allow it. The looks that follow a deletion are put off, and so are not measured. `databaseUrl`: null for
 * SQLite.
 */
export async function startSystem(gateways: number, databaseUrl: string | null = null): Promise<System> {
  await using stack = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), 'portcullis-bench-'));
  stack.defer(() => rmSync(directory, { recursive: true, force: true }));
  const issuer = stack.use(await startDemoIssuer({ stateDir: directory, port: 0 }));
  const emulator = child(stack, './emulator-process.ts', [String(gateways)]);
  const { port } = z.object({ port: z.number() }).parse(await message(emulator));
  const endpoint = `127.0.0.1:${port}`;
  const bundle = join(directory, 'policy.tar.gz');
  writeFileSync(bundle, await wideBundle());
  const config = {
    port: 0,
    stateDir: directory,
    accountId: demoAccountId,
    regions: demoRegions,
    issuers: [demoIssuerConfig(issuer.jwksUrl, demoGrants)],
    metrics: { port: 0 },
    limits: { requestsPerMinute: 1_000_000 },
    policy: { bundle },
    database: { url: databaseUrl },
    recovery: { intervalMs: 60_000 },
    cloud: { endpoint, stsEndpoint: endpoint, protocol: 'http' },
  };
  const logFile = join(directory, 'gateway.log');
  const gateway = child(stack, './gateway-process.ts', [JSON.stringify({ config, logFile })]);
  const { url } = z.object({ url: z.string() }).parse(await message(gateway));
  const token = (subject: string, roles: string[]) =>
    signDemoToken({
      stateDir: directory,
      subject,
      roles,
      teams: ['network-lab'],
      tenant: null,
      ttlSeconds: 7_200,
      claims: {},
      now: Date.now,
    });
  const tokens = { operator: await token('bench', ['vpn-operator']), stranger: await token('stranger', []) };
  const owned = stack.move();
  return {
    url,
    emulatorEndpoint: endpoint,
    tokens,
    async memory() {
      gateway.send('memory');
      return z.object({ rss: z.number(), heapUsed: z.number() }).parse(await message(gateway));
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** `opa run --server` with the policy's own sources; null where there is no opa. */
export async function startOpa(): Promise<({ url: string } & AsyncDisposable) | null> {
  const program = process.env.OPA ?? 'opa';
  const directory = mkdtempSync(join(tmpdir(), 'portcullis-bench-opa-'));
  const policies = here('../policies');
  for (const { path } of await readSources(policies)) {
    if (!path.endsWith('.rego') && path !== 'data.json') continue;
    mkdirSync(join(directory, path, '..'), { recursive: true });
    cpSync(join(policies, path), join(directory, path));
  }
  const port = await freePort();
  const server = spawn(
    program,
    ['run', '--server', '--addr', `127.0.0.1:${port}`, '--log-level', 'error', directory],
    {
      stdio: 'ignore',
    },
  );
  const failed = once(server, 'error').then(() => true);
  const dispose = async () => {
    server.kill();
    if (server.exitCode === null && server.pid !== undefined) await once(server, 'exit');
    rmSync(directory, { recursive: true, force: true });
  };
  for (let tries = 0; tries < 100; tries += 1) {
    if (await Promise.race([failed, delay(50).then(() => false)])) return null;
    const answers = await fetch(`http://127.0.0.1:${port}/health`).then(
      (response) => response.ok,
      () => false,
    );
    if (answers) return { url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: dispose };
  }
  await dispose();
  return null;
}

function child(stack: AsyncDisposableStack, file: string, args: string[]): ChildProcess {
  const started = fork(here(file), args, {
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  stack.defer(async () => {
    if (started.exitCode !== null) return;
    started.send('stop');
    await once(started, 'exit');
  });
  return started;
}

async function message(from: ChildProcess): Promise<unknown> {
  const settled = new AbortController();
  const { signal } = settled;
  try {
    const [received] = await Promise.race([
      once(from, 'message', { signal }),
      once(from, 'exit', { signal }).then(([code]) => {
        throw new Error(`A process of the benchmark ended with ${code}.`);
      }),
    ]);
    return received;
  } finally {
    settled.abort();
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
