import { join } from 'node:path';
import type { Logger } from 'pino';
import { createAuditLog } from './audit/log.ts';
import { type Authenticator, createAuthenticator } from './auth/authenticator.ts';
import type { Config } from './config.ts';
import type { CloudOperation } from './guard/cloud-operation.ts';
import type { Guard } from './guard/delete.ts';
import { createFollowUp } from './guard/follow-up.ts';
import { createHttpApplication } from './http/application.ts';
import { createCallerAdmission } from './http/caller-admission.ts';
import { deleteGatewayRoute } from './http/delete-gateway-route.ts';
import { publicRoutes, type Readiness } from './http/public-routes.ts';
import { auditRecordsRoute, readOperationRoute } from './http/read-routes.ts';
import { listen } from './http/server.ts';
import { openTlsSource } from './http/tls.ts';
import { createLedger, type Ledger } from './ledger/ledger.ts';
import { createMetrics, listenForMetrics, type Metrics } from './metrics.ts';
import { composeCloudOperation } from './operations/compose.ts';
import { contractFile, defaultBundleFile } from './package-files.ts';
import { type LivePolicy, loadPolicy } from './policy/runtime.ts';
import { databaseFile, openDatabase } from './storage/database.ts';
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

  const { db } = stack.use(await openDatabase(join(config.stateDir, databaseFile)));
  const audit = createAuditLog(db, now);
  const ledger = createLedger(db, audit, now);
  const policy = await loadPolicy(config.policy.bundle ?? defaultBundleFile);
  const metrics = createMetrics({
    policyRevision: () => policy.revision,
    operationsByState: () => ledger.countByState(),
  });

  const operation = countingCalls(composeCloudOperation(config, { credentials, now, log }, stack), metrics);
  const guard: Guard = {
    accountId: config.accountId,
    operation,
    policy,
    ledger,
    audit,
    active: new Set(),
    now,
  };
  followOperations(guard, config, log, stack);

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
      public: publicRoutes({ readiness: createReadiness(ledger, policy, authenticator, now), contractFile }),
      guarded: [deleteGatewayRoute(guard), readOperationRoute(ledger, audit), auditRecordsRoute(audit)],
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
    async call(target, clientToken) {
      const outcome = await operation.call(target, clientToken);
      metrics.onCallEnded(outcome.kind);
      return outcome;
    },
  };
}

function followOperations(guard: Guard, config: Config, log: Logger, stack: AsyncDisposableStack): void {
  const followUp = createFollowUp({
    ...guard,
    attentionAfterMs: config.followUp.attentionAfterMs,
    onError: (error, operation) =>
      log.warn(
        { err: error, operationId: operation?.operationId, gateway: operation?.resource.id },
        'an operation could not be followed up; the next round tries again',
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
  const abort = new AbortController();
  const running = followUp.run(config.followUp.intervalMs, abort.signal);
  stack.defer(async () => {
    abort.abort();
    await running;
  });
}

/** How long an answer of the store is believed: anyone may ask, and each question is a transaction. */
const readinessMs = 1_000;

function createReadiness(
  ledger: Ledger,
  policy: LivePolicy,
  authenticator: Authenticator,
  now: () => number,
): () => Promise<Readiness> {
  let asked: { atMs: number; store: Promise<{ ok: boolean; detail: string }> } | null = null;
  return async () => {
    if (asked === null || now() - asked.atMs >= readinessMs) {
      const store = ledger.probe().then(
        () => ({ ok: true, detail: 'takes writes' }),
        () => ({ ok: false, detail: 'takes no writes: check the disk and the state directory' }),
      );
      asked = { atMs: now(), store };
    }
    const { ok, detail } = authenticator.ready();
    const checks = { store: await asked.store, policy: policy.health(), keys: { ok, detail } };
    return { ready: Object.values(checks).every((check) => check.ok), checks };
  };
}
