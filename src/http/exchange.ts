import { randomBytes, randomUUID } from 'node:crypto';
import type { Request, Response } from 'express';
import type { RequestOrigin } from '../audit/record.ts';
import type { Principal } from '../auth/principal.ts';

/** What is known of one request and its answer; the log line, the metrics and the audit record are made from it. */
export type Exchange = {
  origin: RequestOrigin;
  /** Milliseconds since the epoch. */
  arrivedAtMs: number;
  /** Method and path (bounded, without query), for the record of a request that is refused before it is read. */
  asked: { method: string; path: string };
  principal: Principal | null;
  /** Path template of the matched route, e.g. `/v1/operations/{operationId}`; null until one matched. */
  route: string | null;
  /** True from the moment on when somebody else answers for the audit record of this request. */
  audited: boolean;
  /** Fields for the log line. */
  log: Record<string, unknown>;
};

const exchanges = new WeakMap<Request, Exchange>();

const maxRecordedPath = 300;
const requestIdPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
// https://www.w3.org/TR/trace-context/#traceparent-header: version-traceid-parentid-flags; zero ids are invalid.
const traceparentPattern =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(?:-|$)/;

/** Begins the exchange: takes over well-formed ids or makes new ones, and states them on the answer. */
export function beginExchange(req: Request, res: Response, nowMs: number): Exchange {
  const given = req.get('x-request-id');
  const requestId = given !== undefined && requestIdPattern.test(given) ? given : randomUUID();
  const [, traceId = randomBytes(16).toString('hex'), flags = '00'] =
    traceparentPattern.exec(req.get('traceparent') ?? '') ?? [];
  res.setHeader('X-Request-Id', requestId);
  res.setHeader('traceparent', `00-${traceId}-${randomBytes(8).toString('hex')}-${flags}`);
  const exchange: Exchange = {
    origin: { requestId, traceId, sourceAddress: req.ip ?? 'unknown' },
    arrivedAtMs: nowMs,
    asked: { method: req.method, path: req.path.slice(0, maxRecordedPath) },
    principal: null,
    route: null,
    audited: false,
    log: {},
  };
  exchanges.set(req, exchange);
  return exchange;
}

/** The exchange that was begun for this request. */
export function exchangeOf(req: Request): Exchange {
  const exchange = exchanges.get(req);
  if (exchange === undefined) throw new Error('No exchange was begun for this request.');
  return exchange;
}
