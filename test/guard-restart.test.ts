import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { demoIssuerConfig, signDemoToken, startDemoIssuer } from '../src/auth/demo-issuer.ts';
import { demoAccountId, demoGrants, demoRegions } from '../src/commands/demo.ts';
import { demoSeed } from '../src/emulator/demo-seed.ts';
import { emulatorDefaults, startEmulator } from '../src/emulator/server.ts';
import { operator } from './support/gateway.ts';
import { calls, deletion, deletions, finishDeletion, until } from './support/observe.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const gateway = 'vpn-demodeletable1';
const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));

/** A cloud, an issuer and a state directory that outlive the gateway's processes. */
async function startWorld() {
  const stack = new AsyncDisposableStack();
  const { path: stateDir } = stack.use(temporaryDirectory());
  const cloud = stack.use(
    await startEmulator({ ...emulatorDefaults, port: 0, now: Date.now, seed: demoSeed(Date.now) }),
  );
  const issuer = stack.use(await startDemoIssuer({ stateDir, port: 0 }));
  const endpoint = `127.0.0.1:${cloud.port}`;
  const configFile = join(stateDir, 'config.yaml');
  // JSON is YAML.
  writeFileSync(
    configFile,
    JSON.stringify({
      port: 0,
      stateDir,
      accountId: demoAccountId,
      regions: demoRegions,
      issuers: [demoIssuerConfig(issuer.jwksUrl, demoGrants)],
      metrics: { port: 0 },
      cloud: { endpoint, stsEndpoint: endpoint, protocol: 'http' },
      recovery: { intervalMs: 100, lookEveryMs: 100, attentionAfterMs: 2_000 },
    }),
  );
  return {
    cloud,
    stateDir,
    serve: () => serve(configFile),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** `portcullis serve` in a process of its own. */
async function serve(configFile: string) {
  const [key] = emulatorDefaults.accessKeys;
  const child = spawn(process.execPath, [main, 'serve', '--config', configFile], {
    env: {
      PATH: process.env.PATH,
      ALIBABA_CLOUD_ACCESS_KEY_ID: key.accessKeyId,
      ALIBABA_CLOUD_ACCESS_KEY_SECRET: key.accessKeySecret,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  const url = await new Promise<string>((resolve, reject) => {
    lines.on('line', (line) => {
      const { msg, url: listening } = JSON.parse(line);
      if (msg === 'listening') resolve(listening);
    });
    child.once('exit', (code) => reject(new Error(`The gateway ended with ${code}.`)));
  });
  return {
    url,
    kill: () => end(child, 'SIGKILL'),
    [Symbol.asyncDispose]: () => end(child, 'SIGTERM'),
  };
}

async function end(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, 'exit');
}

async function ask(stateDir: string, url: string, method: string, path: string, key?: string) {
  const token = await signDemoToken({
    stateDir,
    subject: operator.sub,
    roles: operator.roles,
    teams: operator.teams,
    tenant: null,
    ttlSeconds: 600,
    claims: {},
    now: Date.now,
  });
  const headers = {
    Authorization: `Bearer ${token}`,
    ...(key === undefined ? {} : { 'Idempotency-Key': key }),
  };
  const answer = await fetch(`${url}${path}`, { method, headers });
  return { status: answer.status, headers: answer.headers, body: JSON.parse(await answer.text()) };
}

const target = `/v1/regions/cn-hangzhou/enhanced-vpn-gateways/${gateway}`;

for (const when of ['before', 'after'] as const) {
  test(`killed in the midst of the call, ${when} its effect: the next process finishes it, under the same ClientToken`, async () => {
    await using world = await startWorld();
    const { cloud, stateDir } = world;
    cloud.faults.add({ kind: 'hang', action: deletion, when });
    await using first = await world.serve();
    const lost = assert.rejects(ask(stateDir, first.url, 'DELETE', target, 'k'));
    await until(() => calls(cloud, deletion) === 1);
    await first.kill();
    await lost;

    await using second = await world.serve();
    const asked = () => ask(stateDir, second.url, 'DELETE', target, 'k');
    const begun = await asked();
    const { operationId } = begun.body;
    assert.ok(operationId, 'the key leads to the operation of the process that is gone');
    const read = () => ask(stateDir, second.url, 'GET', `/v1/operations/${operationId}`);
    await until(async () => (await read()).body.state === 'accepted');
    finishDeletion(cloud, gateway);
    await until(async () => (await read()).body.state === 'gone');
    const answer = await asked();
    assert.deepEqual([answer.status, answer.body.state], [200, 'gone']);
    assert.equal(answer.headers.get('idempotency-replayed'), 'true');
    assert.equal(cloud.journal.effects().length, 1);
    const sent = deletions(cloud);
    assert.equal(sent.length, when === 'before' ? 2 : 1, 'sent again only where it was lost');
    assert.deepEqual(new Set(sent.map(({ clientToken }) => clientToken)), new Set([answer.body.clientToken]));
  });
}

test('killed while the facts are read: nothing was begun, and nothing stands in the way', async () => {
  await using world = await startWorld();
  const { cloud, stateDir } = world;
  cloud.faults.add({ kind: 'hang', action: 'DescribeVpnConnections', when: 'before' });
  await using first = await world.serve();
  const lost = assert.rejects(ask(stateDir, first.url, 'DELETE', target, 'k'));
  await until(() => calls(cloud, 'DescribeVpnConnections') === 1);
  await first.kill();
  await lost;
  await using second = await world.serve();
  const answer = await ask(stateDir, second.url, 'DELETE', target, 'k');
  assert.deepEqual([answer.status, answer.body.state], [200, 'accepted']);
  assert.equal(answer.headers.get('idempotency-replayed'), null);
  assert.equal(deletions(cloud).length, 1);
});
