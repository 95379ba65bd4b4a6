import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { OperatorError } from './errors.ts';

/** The measurements of one gateway, and the listener that shows them. */
export type Metrics = {
  onAnswer: (answer: {
    method: string;
    route: string;
    status: number;
    code: string;
    seconds: number;
  }) => void;
  onAuthenticationRefused: (reason: string) => void;
  onCallEnded: (outcome: string) => void;
  onRecoveryStep: (step: string) => void;
  /** The Prometheus text exposition. */
  text: () => Promise<string>;
};

/** `operationsByState` and `isStopped` are asked at every scrape. */
export function createMetrics(deps: {
  policyRevision: () => string;
  operationsByState: () => Promise<Record<string, number>>;
  isStopped: () => Promise<boolean>;
}): Metrics {
  const register = new Registry();
  collectDefaultMetrics({ register });
  const registers = [register];
  const requests = new Counter({
    name: 'portcullis_http_requests_total',
    help: 'Answers by route, status and problem code.',
    labelNames: ['method', 'route', 'status', 'code'] as const,
    registers,
  });
  const durations = new Histogram({
    name: 'portcullis_http_request_duration_seconds',
    help: 'From the arrival of a request to the end of its answer.',
    labelNames: ['route'] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25],
    registers,
  });
  const refusals = new Counter({
    name: 'portcullis_authentication_refusals_total',
    help: 'Tokens refused, by reason.',
    labelNames: ['reason'] as const,
    registers,
  });
  const calls = new Counter({
    name: 'portcullis_calls_total',
    help: 'Deletions sent to the cloud, by what became of them.',
    labelNames: ['outcome'] as const,
    registers,
  });
  const recoverySteps = new Counter({
    name: 'portcullis_recovery_steps_total',
    help: 'What recovery saw of unfinished operations, or did with them.',
    labelNames: ['step'] as const,
    registers,
  });
  new Gauge({
    name: 'portcullis_operations',
    help: 'Operations in the ledger by state; needs_attention above zero wants a person.',
    labelNames: ['state'] as const,
    registers,
    async collect() {
      for (const [state, count] of Object.entries(await deps.operationsByState())) this.set({ state }, count);
    },
  });
  new Gauge({
    name: 'portcullis_guard_stopped',
    help: '1 while an operator has stopped all deletions.',
    registers,
    async collect() {
      this.set((await deps.isStopped()) ? 1 : 0);
    },
  });
  new Gauge({
    name: 'portcullis_policy_info',
    help: 'The revision of the live policy, always 1.',
    labelNames: ['revision'] as const,
    registers,
    collect() {
      this.reset();
      this.set({ revision: deps.policyRevision() }, 1);
    },
  });
  return {
    onAnswer({ method, route, status, code, seconds }) {
      // The method comes from outside: any other than ours would let a client make up series.
      const known = ['GET', 'DELETE', 'POST', 'PUT', 'PATCH', 'HEAD', 'OPTIONS'].includes(method)
        ? method
        : 'other';
      requests.inc({ method: known, route, status: String(status), code });
      durations.observe({ route }, seconds);
    },
    onAuthenticationRefused: (reason) => refusals.inc({ reason }),
    onCallEnded: (outcome) => calls.inc({ outcome }),
    onRecoveryStep: (step) => recoverySteps.inc({ step }),
    text: () => register.metrics(),
  };
}

export type MetricsListener = { readonly url: string; [Symbol.asyncDispose](): Promise<void> };

/** Serves `/metrics` on a listener of its own, apart from callers. Rejects with OperatorError when the port is taken. */
export async function listenForMetrics(
  metrics: Metrics,
  where: { host: string; port: number },
): Promise<MetricsListener> {
  const server = createServer((req, res) => {
    if (req.url !== '/metrics' || req.method !== 'GET') {
      res.writeHead(404).end();
      return;
    }
    metrics.text().then(
      (text) => res.writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text),
      () => res.writeHead(503).end(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new OperatorError(
          `The metrics listener cannot use ${where.host}:${where.port} (${error.code ?? error.message}). Choose another port with PORTCULLIS_METRICS_PORT.`,
          { cause: error },
        ),
      ),
    );
    server.listen(where.port, where.host, resolve);
  });
  return {
    url: `http://${where.host}:${(server.address() as AddressInfo).port}/metrics`,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
