import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import type { Logger } from 'pino';
import type { AuditLog } from '../audit/log.ts';
import type { Principal } from '../auth/principal.ts';
import { Problem } from '../errors.ts';
import { beginExchange, type Exchange, exchangeOf } from './exchange.ts';
import { answerProblem, toProblem } from './problem-answer.ts';
import { hasBody } from './read-request.ts';
import type { GuardedRoute, PublicRoute } from './route.ts';

export type HttpDeps = {
  routes: { public: readonly PublicRoute[]; guarded: readonly GuardedRoute[] };
  /** Establishes who asks, and limits how often. Throws a Problem; says whether its audit record is taken care of. */
  admitCaller: (authorization: string | null, exchange: Exchange) => Promise<Principal>;
  audit: AuditLog;
  log: Logger;
  /** Told of every answer, for the metrics. */
  onAnswer: (answer: {
    method: string;
    route: string;
    status: number;
    code: string;
    seconds: number;
  }) => void;
  /** Addresses and networks whose `X-Forwarded-For` is believed. */
  trustedProxies: readonly string[];
  /** True from the moment of shutdown on: what arrives then is refused. */
  isStopping: () => boolean;
  now: () => number;
};

/** The Express application: what every request passes through, and the routes. */
export function createHttpApplication(deps: HttpDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.enable('strict routing');
  // Queries are read from the raw URL, by readQuery alone.
  app.set('query parser', false);
  app.set('trust proxy', [...deps.trustedProxies]);

  app.use(observe(deps));
  // Nothing here is a page: no source of anything is allowed.
  app.use(
    helmet({
      contentSecurityPolicy: {
        useDefaults: false,
        directives: { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] },
      },
      xFrameOptions: { action: 'deny' },
    }),
  );
  app.use((req, res, next) => {
    res.setHeader('Cache-Control', 'no-store');
    // No request takes a body; the connection of one that sends one all the same is not kept for the rest of it.
    if (hasBody(req)) res.setHeader('Connection', 'close');
    if (deps.isStopping()) {
      res.setHeader('Connection', 'close');
      if (req.path.startsWith('/v1/')) throw shuttingDown();
    }
    next();
  });
  app.use('/v1', async (req, _res, next) => {
    const exchange = exchangeOf(req);
    exchange.principal = await deps.admitCaller(
      singleAuthorization(req.headersDistinct.authorization),
      exchange,
    );
    Object.assign(exchange.log, { issuer: exchange.principal.issuer, subject: exchange.principal.subject });
    next();
  });
  for (const route of deps.routes.public) {
    if (route.path.startsWith('/v1')) throw new Error(`${route.path} is under /v1 and cannot be public.`);
    app[route.method](route.path, async (req, res) => {
      exchangeOf(req).route = route.path;
      await route.handle(req, res);
    });
  }
  for (const route of deps.routes.guarded) app[route.method](expressPath(route.path), guardedHandler(route));
  for (const path of new Set([...deps.routes.public, ...deps.routes.guarded].map((route) => route.path))) {
    app.all(expressPath(path), (req) => {
      exchangeOf(req).route = path;
      throw new Problem(
        'METHOD_NOT_ALLOWED',
        `${path} does not take this method. /openapi.yaml lists what there is.`,
      );
    });
  }
  app.use(() => {
    throw new Problem('ROUTE_NOT_FOUND', 'Nothing is at this path. /openapi.yaml lists what there is.');
  });
  app.use(answerErrors(deps));
  return app;
}

function guardedHandler(route: GuardedRoute): RequestHandler {
  return async (req, res) => {
    const exchange = exchangeOf(req);
    exchange.route = route.path;
    const { principal } = exchange;
    // Unreachable while every guarded path lies under /v1; were it ever reached, it must refuse.
    if (principal === null) throw new Error('A guarded route was reached without a principal.');
    if (route.access !== 'authenticated' && !principal.roles.includes(route.access.role)) {
      throw new Problem(
        'ROLE_REQUIRED',
        `This needs the role \`${route.access.role}\`, which your token does not carry. Ask whoever issues your tokens for it.`,
      );
    }
    const params = Object.fromEntries(
      Object.entries(req.params).map(([name, value]) => [name, typeof value === 'string' ? value : '']),
    );
    await route.handle({ req, params, principal, exchange }, res);
  };
}

/** One log line and one measurement for every answer, whatever becomes of it. */
function observe({ log, onAnswer, now }: HttpDeps): RequestHandler {
  return (req, res, next) => {
    const exchange = beginExchange(req, res, now());
    const startedAt = performance.now();
    res.once('close', () => {
      const durationMs = performance.now() - startedAt;
      const status = res.writableFinished ? res.statusCode : 499;
      log[status >= 500 ? 'error' : 'info'](
        {
          requestId: exchange.origin.requestId,
          traceId: exchange.origin.traceId,
          source: exchange.origin.sourceAddress,
          method: req.method,
          path: req.path,
          status,
          durationMs: Math.round(durationMs * 10) / 10,
          ...exchange.log,
        },
        'request',
      );
      onAnswer({
        method: req.method,
        route: exchange.route ?? 'none',
        status,
        code: typeof exchange.log.code === 'string' ? exchange.log.code : '',
        seconds: durationMs / 1000,
      });
    });
    next();
  };
}

function answerErrors(deps: HttpDeps): ErrorRequestHandler {
  return async (error: unknown, req, res, next) => {
    const exchange = exchangeOf(req);
    const problem = await auditedProblem(deps.audit, exchange, toProblem(error), deps.now());
    const { violations, operationId, decisionId } = problem.options;
    Object.assign(exchange.log, {
      code: problem.code,
      detail: problem.detail,
      ...(operationId === undefined ? {} : { operationId }),
      ...(decisionId === undefined ? {} : { decisionId }),
      ...(violations === undefined ? {} : { violations: violations.map((violation) => violation.code) }),
      ...(problem.cause === undefined ? {} : { err: problem.cause }),
    });
    if (res.headersSent) return next(error);
    answerProblem(res, problem, exchange);
  };
}

/** Sees to the audit record of a request that failed before anyone else took charge of it. */
async function auditedProblem(
  audit: AuditLog,
  exchange: Exchange,
  problem: Problem,
  nowMs: number,
): Promise<Problem> {
  if (exchange.audited || exchange.principal === null) return problem;
  exchange.audited = true;
  try {
    await audit.record({
      kind: 'decision',
      stage: 'request',
      result: problem.status < 500 ? 'refused' : 'error',
      code: problem.code,
      detail: problem.detail,
      origin: exchange.origin,
      principal: exchange.principal,
      latencyMs: nowMs - exchange.arrivedAtMs,
      summary: exchange.asked,
    });
    return problem;
  } catch (error) {
    return toProblem(error);
  }
}

function singleAuthorization(values: string[] | undefined): string | null {
  if (values === undefined) return null;
  // Two tokens would leave it open who asks: neither is looked at.
  return values.length === 1 ? (values[0] ?? null) : '';
}

function shuttingDown(): Problem {
  return new Problem(
    'SHUTTING_DOWN',
    'This instance is stopping and began nothing. Send the request again: another one answers.',
    {
      retryAfterMs: 1_000,
    },
  );
}

function expressPath(path: string): string {
  return path.replaceAll(':', '\\:').replaceAll(/\{(\w+)\}/g, ':$1');
}
