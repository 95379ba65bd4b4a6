import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { createAuditLog } from './audit/log.ts';
import { type Authenticator, createAuthenticator } from './auth/authenticator.ts';
import type { Config } from './config.ts';
import { createCallsUnderWay } from './guard/calls-under-way.ts';
import type { CloudOperation } from './guard/cloud-operation.ts';
import type { Guard } from './guard/delete.ts';
import { createRecovery } from './guard/recovery.ts';
import { createHttpApplication } from './http/application.ts';
import { createCallerAdmission } from './http/caller-admission.ts';
import { deleteGatewayRoute } from './http/delete-gateway-route.ts';
import { guardRoutes } from './http/guard-routes.ts';
import { publicRoutes, type Readiness } from './http/public-routes.ts';
import { auditRecordsRoute, listOperationsRoute, readOperationRoute } from './http/read-routes.ts';
import { listen } from './http/server.ts';
import { openTlsSource } from './http/tls.ts';
import { type Claims, createClaims } from './ledger/claims.ts';
import { createEmergencyStop } from './ledger/emergency-stop.ts';
import { createHousekeeping, probe } from './ledger/housekeeping.ts';
import { createLedger } from './ledger/ledger.ts';
import { createOperationList, type OperationList } from './ledger/operation-list.ts';
import { createMetrics, listenForMetrics, type Metrics } from './metrics.ts';
import { composeCloudOperation } from './operations/compose.ts';
import { contractFile, defaultBundleFile } from './package-files.ts';
import { type LivePolicy, loadPolicy } from './policy/runtime.ts';
import { openStore } from './storage/open.ts';
import type { Store } from './storage/store.ts';
import type { CredentialSettings } from './upstream/credentials.ts';

/** A running gateway. Disposing it finishes what is in flight, begins nothing, and closes everything. */
export type Gateway = AsyncDisposable & {
  readonly url: string;
  readonly metricsUrl: string;
  readonly policyRevision: string;
};

export type GatewayDeps = {
  log: Logger;
  /** Milliseconds since the epoch. */
  now: () => number;
  credentials: CredentialSettings;
};

/** Longer than any call may take, so that a stop loses no answer. */
const stopGraceMs = 30_000;

/**
 * Builds a gateway from its settings and starts it. Rejects with OperatorError, whose message says what to do, when
 * something it needs cannot be had: a port, the state directory, the policy bundle.
 */
export async function startGateway(config: Config, { log, now, credentials }: GatewayDeps): Promise<Gateway> {
  await using stack = new AsyncDisposableStack();

  const store = stack.use(await openStore({ databaseUrl: config.database.url, stateDir: config.stateDir }));
  const audit = createAuditLog(store, now);
  const ledgerSettings = { ...config.ledger, instance: `inst_${randomUUID()}` };
  const ledger = createLedger(store, audit, ledgerSettings, now);
  const claims = createClaims(store, audit, ledgerSettings, now);
  const operations = createOperationList(store);
  const emergencyStop = createEmergencyStop(store, audit, now);
  const policy = await loadPolicy(config.policy.bundle ?? defaultBundleFile);
  const metrics = createMetrics({
    policyRevision: () => policy.revision,
    operationsByState: () => operations.countByState(),
    isStopped: async () => (await emergencyStop.state()).stopped,
  });

  const operation = countingCalls(composeCloudOperation(config, { credentials, now, log }, stack), metrics);
  const guard: Guard = {
    accountId: config.accountId,
    operation,
    policy,
    ledger,
    audit,
    underWay: createCallsUnderWay(),
    now,
  };
  // Calls that nobody waits for any more are ended before the store is closed.
  stack.defer(() => guard.underWay.ended());
  await startRecovery({ guard, store, claims, metrics, config, log }, stack);
  startHousekeeping(store, config, now, log, stack);

  const authenticator = stack.use(
    createAuthenticator({
      issuers: config.issuers,
      now,
      failuresPerMinute: config.limits.failedAuthenticationsPerMinute,
    }),
  );
  const admission = stack.use(
    createCallerAdmission({
      authenticator,
      audit,
      now,
      requestsPerMinute: config.limits.requestsPerMinute,
      onRefused: metrics.onAuthenticationRefused,
      onRecordingFailed: (error) => log.error({ err: error }, 'refusals could not be recorded'),
    }),
  );

  const metricsListener = stack.use(await listenForMetrics(metrics, config.metrics));
  const tls =
    config.tls === null
      ? null
      : stack.use(
          openTlsSource(config.tls, (error) =>
            log.error({ err: error }, 'the changed certificate cannot be used; the former one stays'),
          ),
        );
  let stopping = false;
  const app = createHttpApplication({
    routes: {
      public: publicRoutes({
        readiness: createReadiness(store, operations, policy, authenticator, now),
        contractFile,
      }),
      guarded: [
        deleteGatewayRoute(guard, (error, { operationId, resource }) =>
          log.warn(
            { err: error, operationId, gateway: resource.id },
            'a call that nobody waited for did not succeed',
          ),
        ),
        listOperationsRoute(operations, audit),
        readOperationRoute(ledger, audit, () => stopping),
        ...guardRoutes(emergencyStop, audit),
        auditRecordsRoute(audit),
      ],
    },
    admitCaller: admission.admit,
    audit,
    log,
    onAnswer: metrics.onAnswer,
    trustedProxies: config.trustedProxies,
    isStopping: () => stopping,
    now,
  });
  const server = await listen(
    app,
    { host: config.host, port: config.port, portSetting: '--port or PORT' },
    tls,
  );
  stack.defer(async () => {
    stopping = true;
    await server.stop(stopGraceMs);
  });

  const owned = stack.move();
  return {
    url: server.url,
    metricsUrl: metricsListener.url,
    policyRevision: policy.revision,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function countingCalls(operation: CloudOperation, metrics: Metrics): CloudOperation {
  return {
    ...operation,
    async call(target, clientToken, permission) {
      const outcome = await operation.call(target, clientToken, permission);
      metrics.onCallEnded(outcome.kind);
      return outcome;
    },
  };
}

type RecoveryParts = {
  guard: Guard;
  store: Store;
  claims: Claims;
  metrics: Metrics;
  config: Config;
  log: Logger;
};

/** Rounds of recovery: with the waits between them well below a minute, whatever the cloud answers. */
const recoveryRounds = { maxRounds: 6, maxResends: 2 };

async function startRecovery(
  { guard, store, claims, metrics, config, log }: RecoveryParts,
  stack: AsyncDisposableStack,
): Promise<void> {
  // The lock on the state directory proves that whoever held these leases has ended.
  if (store.dialect === 'sqlite') await claims.breakLeases();
  const recovery = createRecovery({
    ...guard,
    claims,
    settings: { ...config.recovery, ...recoveryRounds },
    onStep: metrics.onRecoveryStep,
    onError: (error, operation) =>
      log.warn(
        { err: error, operationId: operation?.operationId, gateway: operation?.resource.id },
        'an operation could not be brought to its end; the next round tries again',
      ),
    onAttention: (operation) =>
      log.error(
        {
          operationId: operation.operationId,
          gateway: operation.resource.id,
          regionId: operation.resource.regionId,
          clientToken: operation.clientToken,
          detail: operation.problem?.detail,
        },
        'an operation needs attention',
      ),
  });
  runUntilDisposed(stack, (signal) => recovery.run(config.recovery.intervalMs, signal));
}

const housekeepingMs = 600_000;

function startHousekeeping(
  store: Store,
  config: Config,
  now: () => number,
  log: Logger,
  stack: AsyncDisposableStack,
): void {
  const housekeeping = createHousekeeping(store, config.ledger.idempotencyRetentionMs, now);
  runUntilDisposed(stack, (signal) =>
    housekeeping.run(housekeepingMs, signal, (error) =>
      log.warn({ err: error }, 'expired idempotency keys could not be swept; the next round tries again'),
    ),
  );
}

function runUntilDisposed(stack: AsyncDisposableStack, run: (signal: AbortSignal) => Promise<void>): void {
  const abort = new AbortController();
  const running = run(abort.signal);
  stack.defer(async () => {
    abort.abort();
    await running;
  });
}

/** How long an answer of the store is believed: anyone may ask, and each question is a transaction. */
const readinessMs = 1_000;

function createReadiness(
  store: Store,
  operations: OperationList,
  policy: LivePolicy,
  authenticator: Authenticator,
  now: () => number,
): () => Promise<Readiness> {
  let asked: { atMs: number; answer: Promise<Pick<Readiness['checks'], 'store' | 'operations'>> } | null =
    null;
  return async () => {
    if (asked === null || now() - asked.atMs >= readinessMs) {
      asked = { atMs: now(), answer: askStore(store, operations) };
    }
    const { ok, detail } = authenticator.ready();
    const checks = { ...(await asked.answer), policy: policy.health(), keys: { ok, detail } };
    return { ready: Object.values(checks).every((check) => check.ok), checks };
  };
}

async function askStore(
  store: Store,
  operations: OperationList,
): Promise<Pick<Readiness['checks'], 'store' | 'operations'>> {
  try {
    await probe(store);
    const { needs_attention: waiting } = await operations.countByState();
    // An instance that waits for a person goes on deciding and recording.
    return {
      store: { ok: true, detail: 'takes writes' },
      operations: { ok: true, detail: waiting === 0 ? 'none needs attention' : `${waiting} need attention` },
    };
  } catch {
    return {
      store: { ok: false, detail: 'takes no writes: check the database, the disk and the state directory' },
      operations: { ok: true, detail: 'not known while the store fails' },
    };
  }
}
