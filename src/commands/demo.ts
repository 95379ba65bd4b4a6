import { accessSync, constants, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { startGateway } from '../app.ts';
import { demoIssuerConfig, startDemoIssuer } from '../auth/demo-issuer.ts';
import { readConfig } from '../config.ts';
import { demoSeed } from '../emulator/demo-seed.ts';
import { emulatorDefaults, startEmulator } from '../emulator/server.ts';
import { createLogger } from '../log.ts';
import { aborted, type Command, CommandError, portOption, textOption } from './command.ts';

/** What the demo issuer may hand out. */
export const demoGrants = { roles: ['vpn-operator', 'auditor', 'operator'], tenants: [] };
export const demoAccountId = '1234567890123456';
export const demoRegions = ['cn-hangzhou', 'eu-central-1', 'ap-southeast-1'];
const logFile = 'demo.log';

/** `portcullis demo`: gateway, emulator and issuer in one process, seeded, on loopback. */
export const demo: Command = {
  name: 'demo',
  summary: 'Run the gateway with an emulated cloud and a demo issuer.',
  help: `Usage: portcullis demo [--port N] [--emulator-port N] [--state-dir DIR]

  --port N            the gateway (PORT, default 8080; 0: any free one)
  --emulator-port N   the emulator (default: any free one)
  --state-dir DIR     ledger, demo key and log (PORTCULLIS_STATE_DIR, default .portcullis)

Nothing of it leaves the machine. The emulated gateways are new at every start; the ledger is kept.`,
  options: {
    port: { type: 'string' },
    'emulator-port': { type: 'string' },
    'state-dir': { type: 'string' },
  },
  positionals: { min: 0, max: 0 },
  async run(values, _positionals, { environment, stdout, signal }) {
    const port = portOption(values, 'port');
    const stateDir = textOption(values, 'state-dir') ?? environment.PORTCULLIS_STATE_DIR ?? '.portcullis';
    makeStateDirectory(stateDir);

    await using cloud = await startEmulator({
      ...emulatorDefaults,
      port: portOption(values, 'emulator-port') ?? 0,
      now: Date.now,
      seed: demoSeed(Date.now),
    });
    await using issuer = await startDemoIssuer({ stateDir, port: 0 });
    const endpoint = `127.0.0.1:${cloud.port}`;
    const config = readConfig(null, environment, {
      ...(port === null ? {} : { port }),
      stateDir,
      accountId: demoAccountId,
      regions: demoRegions,
      issuers: [demoIssuerConfig(issuer.jwksUrl, demoGrants)],
      cloud: { endpoint, stsEndpoint: endpoint, protocol: 'http' },
      metrics: { port: 0 },
      recovery: { lookEveryMs: 1_000 },
    });
    const [keys] = emulatorDefaults.accessKeys;
    if (keys === undefined) throw new Error('The emulator has no access key.');
    const log = createLogger(
      config.log.level,
      pino.destination({ dest: join(stateDir, logFile), mkdir: true }),
    );
    await using gateway = await startGateway(config, {
      log,
      now: Date.now,
      credentials: { kind: 'static', ...keys, securityToken: null },
    });
    stdout(welcome(gateway.url, cloud.url, gateway.metricsUrl, stateDir));
    await aborted(signal);
    stdout('Stopping: requests in flight are finished.');
  },
};

function makeStateDirectory(stateDir: string): void {
  try {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    accessSync(stateDir, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new CommandError(
      `The state directory ${stateDir} is not writable (${(error as NodeJS.ErrnoException).code}). ` +
        'Make it writable for this user, or choose another with --state-dir.',
      { cause: error },
    );
  }
}

function welcome(url: string, emulatorUrl: string, metricsUrl: string, stateDir: string): string {
  const state = stateDir === '.portcullis' ? '' : ` --state-dir ${stateDir}`;
  // The built package is on the PATH; a checkout brings its own Node, which npm scripts find.
  const isPackage = import.meta.url.endsWith('.js');
  const tokenCommand = isPackage ? 'portcullis token' : 'npm run -s token --';
  const auditCommand = isPackage ? 'portcullis audit list' : 'npm run -s portcullis -- audit list';
  const gateways = `${url}/v1/regions/cn-hangzhou/enhanced-vpn-gateways`;
  return `Portcullis answers at ${url}
  emulated cloud  ${emulatorUrl}
  metrics         ${metricsUrl}
  log             ${join(stateDir, logFile)}

In another terminal, a token:
  TOKEN=$(${tokenCommand} --sub ci-cleanup --roles vpn-operator --teams network-lab${state})

A deletion:
  curl -sX DELETE -H "Authorization: Bearer $TOKEN" '${gateways}/vpn-demodeletable1?reason=lab+is+over'

A refusal:
  curl -sX DELETE -H "Authorization: Bearer $TOKEN" ${gateways}/vpn-demoprotected1

What happened:
  ${auditCommand}${state}

Stop with Ctrl-C.`;
}
