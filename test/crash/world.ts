import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { demoIssuerConfig, signDemoToken, startDemoIssuer } from '../../src/auth/demo-issuer.ts';
import { demoAccountId } from '../../src/commands/demo.ts';
import type { ConfigInput } from '../../src/config.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { brokenPromises } from './check.ts';
import type { Evidence, Exchange, Forbidden } from './evidence.ts';
import { type Instance, type Replacement, type StartOptions, startInstance } from './instance.ts';
import type { LedgerReader } from './ledger-reader.ts';
import { type ObservedCloud, regionId, startObservedCloud } from './observed-cloud.ts';
import { postgresqlReader } from './postgresql-reader.ts';
import { sqliteReader } from './sqlite-reader.ts';
import { wideBundle } from './wide-bundle.ts';

export type Asking = { resourceId: string; key: string | null; subject: string };

/** Everything about a gateway that outlives its processes, and what is seen of them. */
export type World = AsyncDisposable & {
  cloud: ObservedCloud;
  reader: LedgerReader;
  stateDir: string;
  exchanges: readonly Exchange[];
  forbidden: Forbidden[];
  /** Starts a gateway, which ends at its fail point, if it has one. */
  start(failPoint?: StartOptions['failPoint']): Instance;
  /** A deletion, asked of an instance; the exchange is kept. Rejects only when that instance failed to run. */
  ask(instance: Instance, asking: Asking): Promise<Exchange>;
  /** Any other request, as a caller with these roles. */
  request(instance: Instance, method: string, path: string, roles: readonly string[]): Promise<Response>;
  /** Waits until nothing is under way in the ledger, no longer than the 60 s that recovery may take; false: it still is. */
  settle(): Promise<boolean>;
  /** Everything seen so far. */
  evidence(settled: boolean): Promise<Evidence>;
  /** What is broken in it. */
  broken(settled: boolean): Promise<string[]>;
};

export type WorldOptions = {
  /** Null: SQLite in the state directory. */
  databaseUrl: string | null;
  settings: Partial<ConfigInput>;
  /** How long the cloud takes to delete a gateway. */
  deletingMs: number;
  /** Under which every gateway of this world runs. */
  defect: readonly Replacement[];
};

const answerPatienceMs = 40_000;
/** Of issue and README: within this time of a restart nothing is left under way. */
export const recoveryLimitMs = 60_000;

const body = z.object({
  operationId: z.string().nullable().catch(null),
  clientToken: z.string().nullable().catch(null),
  state: z.string().nullable().catch(null),
  code: z.string().nullable().catch(null),
  detail: z.string().nullable().catch(null),
  upstream: z
    .object({ requestId: z.string().nullable().catch(null) })
    .nullable()
    .catch(null),
});

export async function openWorld({ databaseUrl, settings, deletingMs, defect }: WorldOptions): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const { path: stateDir } = stack.use(temporaryDirectory());
  const reader = stack.use(databaseUrl === null ? sqliteReader(stateDir) : postgresqlReader(databaseUrl));
  const cloud = stack.use(await startObservedCloud((token) => reader.witness(token), deletingMs));
  const issuer = stack.use(await startDemoIssuer({ stateDir, port: 0 }));
  const endpoint = `127.0.0.1:${cloud.emulator.port}`;
  const configFile = join(stateDir, 'config.yaml');
  const bundle = join(stateDir, 'policy.tar.gz');
  const config = {
    port: 0,
    stateDir,
    ...(databaseUrl === null ? {} : { database: { url: databaseUrl } }),
    accountId: demoAccountId,
    regions: [regionId],
    issuers: [
      demoIssuerConfig(issuer.jwksUrl, { roles: ['vpn-operator', 'operator', 'auditor'], tenants: [] }),
    ],
    metrics: { port: 0 },
    limits: { requestsPerMinute: 1_000_000 },
    policy: { bundle },
    ...settings,
    cloud: { endpoint, stsEndpoint: endpoint, protocol: 'http', ...settings.cloud },
  };
  await writeFile(bundle, await wideBundle());
  // JSON is YAML.
  await writeFile(configFile, JSON.stringify(config));

  const tokens = new Map<string, Promise<string>>();
  const tokenOf = (subject: string, roles: readonly string[]): Promise<string> => {
    const name = `${subject} ${roles.join(' ')}`;
    const known = tokens.get(name);
    if (known !== undefined) return known;
    const signing = signDemoToken({
      stateDir,
      subject,
      roles,
      teams: ['network-lab'],
      tenant: null,
      ttlSeconds: 40_000,
      claims: {},
      now: Date.now,
    });
    tokens.set(name, signing);
    return signing;
  };

  const exchanges: Exchange[] = [];
  const forbidden: Forbidden[] = [];
  const evidence = async (settled: boolean): Promise<Evidence> => ({
    // Before the ledger is read: gateways that live go on meanwhile, and what they do later is not in it.
    arrivals: [...cloud.arrivals],
    effects: [...cloud.effects],
    exchanges: exchanges.map((exchange) => ({ ...exchange })),
    forbidden,
    ...(await reader.ledger()),
    // On SQLite a gateway that starts knows itself to be the only one, and waits for no lease.
    leaseMs: databaseUrl === null ? null : (settings.ledger?.leaseMs ?? null),
    settled,
  });
  const owned = stack.move();
  return {
    cloud,
    reader,
    stateDir,
    exchanges,
    forbidden,
    start: (failPoint = null) => startInstance(configFile, cloud.nextKey(), { failPoint, defect }),
    async ask(instance, { resourceId, key, subject }) {
      const requestId = randomUUID();
      const headers = {
        Authorization: `Bearer ${await tokenOf(subject, ['vpn-operator'])}`,
        'X-Request-Id': requestId,
        ...(key === null ? {} : { 'Idempotency-Key': key }),
      };
      const exchange: Exchange = { requestId, subject, instance: instance.id, resourceId, key, answer: null };
      exchanges.push(exchange);
      try {
        const url = `${await instance.listening}/v1/regions/${regionId}/enhanced-vpn-gateways/${resourceId}`;
        const signal = AbortSignal.timeout(answerPatienceMs);
        const answer = await fetch(url, { method: 'DELETE', headers, signal });
        const { upstream, ...rest } = body.parse(JSON.parse(await answer.text()));
        exchange.answer = {
          status: answer.status,
          body: { ...rest, upstreamRequestId: upstream?.requestId ?? null },
        };
      } catch {
        // No whole answer: the caller knows nothing.
        instance.assertNotFailed();
      }
      return exchange;
    },
    async request(instance, method, path, roles) {
      const authorization = `Bearer ${await tokenOf('rescuer', roles)}`;
      return fetch(`${await instance.listening}${path}`, {
        method,
        headers: { Authorization: authorization },
      });
    },
    async settle() {
      const deadline = performance.now() + recoveryLimitMs;
      while ((await reader.countUnfinished()) > 0) {
        if (performance.now() > deadline) return false;
        await delay(100);
      }
      return true;
    },
    evidence,
    async broken(settled) {
      return brokenPromises(await evidence(settled));
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
