import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { AuditLog } from '../audit/log.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import type { Principal } from '../auth/principal.ts';
import { type AuthenticationRefusal, AuthenticationRefused } from '../auth/refusal.ts';
import { createRefusalRecorder, type RefusalSummary } from '../auth/refusal-recorder.ts';
import { Problem } from '../errors.ts';
import type { Exchange } from './exchange.ts';

export type CallerAdmission = AsyncDisposable & {
  /**
   * Who asks, if they may ask now. Throws Problem UNAUTHENTICATED, KEYS_UNAVAILABLE, TOO_MANY_FAILED_AUTHENTICATIONS
   * or RATE_LIMITED; by then the refusal has an audit record or is counted for one. Throws STORE_UNAVAILABLE when the
   * record cannot be written.
   */
  admit: (authorization: string | null, exchange: Exchange) => Promise<Principal>;
};

export type CallerAdmissionDeps = {
  authenticator: Authenticator;
  audit: AuditLog;
  requestsPerMinute: number;
  now: () => number;
  onRefused: (reason: string) => void;
  onRecordingFailed: (error: unknown) => void;
};

/** Single records a minute, for one source and for all; what exceeds them is counted into one. */
const recordLimits = { perSource: 30, overall: 300 };

/** Authentication and the rate limit of each principal, with their audit records. */
export function createCallerAdmission(deps: CallerAdmissionDeps): CallerAdmission {
  const { authenticator, audit, now } = deps;
  const rates = new RateLimiterMemory({ points: deps.requestsPerMinute, duration: 60 });
  const recorder = createRefusalRecorder({
    limits: recordLimits,
    now,
    onSummary: (summary) => recordSummary(audit, summary),
    onDeliveryFailed: deps.onRecordingFailed,
  });

  async function record(
    exchange: Exchange,
    problem: Problem,
    refusal: AuthenticationRefusal | null,
    source: string,
  ): Promise<void> {
    exchange.audited = true;
    exchange.log.authenticationRefusal = refusal;
    if (recorder.admit({ source, reason: refusal ?? problem.code }) === 'counted') return;
    await audit.record({
      kind: 'decision',
      stage: 'authentication',
      result: problem.status < 500 ? 'refused' : 'error',
      code: problem.code,
      detail: problem.detail,
      authenticationRefusal: refusal,
      origin: exchange.origin,
      principal: exchange.principal,
      latencyMs: now() - exchange.arrivedAtMs,
      summary: exchange.asked,
    });
  }

  async function authenticate(authorization: string | null, exchange: Exchange): Promise<Principal> {
    const source = exchange.origin.sourceAddress;
    try {
      return await authenticator.authenticate(authorization, source);
    } catch (error) {
      if (error instanceof AuthenticationRefused) {
        deps.onRefused(error.reason);
        const problem = unauthenticated(error);
        await record(exchange, problem, error.reason, source);
        throw problem;
      }
      if (error instanceof Problem) {
        deps.onRefused(error.code);
        await record(exchange, error, null, source);
      }
      throw error;
    }
  }

  return {
    async admit(authorization, exchange) {
      const principal = await authenticate(authorization, exchange);
      const caller = JSON.stringify([principal.issuer, principal.subject]);
      try {
        await rates.consume(caller);
      } catch (error) {
        if (!(error instanceof RateLimiterRes)) throw error;
        exchange.principal = principal;
        const problem = rateLimited(deps.requestsPerMinute, error.msBeforeNext);
        await record(exchange, problem, null, `subject ${principal.subject}`);
        throw problem;
      }
      return principal;
    },
    [Symbol.asyncDispose]: () => recorder[Symbol.asyncDispose](),
  };
}

async function recordSummary(audit: AuditLog, summary: RefusalSummary): Promise<void> {
  await audit.record({
    kind: 'refusals',
    stage: 'authentication',
    result: 'refused',
    origin: { requestId: 'none', traceId: '0'.repeat(32), sourceAddress: 'several' },
    summary,
  });
}

function unauthenticated(refused: AuthenticationRefused): Problem {
  // One answer for every reason: what is wrong with a token is nobody's business but its issuer's and the operator's.
  return new Problem(
    'UNAUTHENTICATED',
    'A valid access token is required and none was accepted. Get a new one from your issuer; if that is refused too, give the operator the requestId.',
    { cause: refused, tokenSent: refused.tokenSent },
  );
}

function rateLimited(perMinute: number, waitMs: number): Problem {
  return new Problem(
    'RATE_LIMITED',
    `You may send ${perMinute} requests a minute. Wait as long as Retry-After says.`,
    { retryAfterMs: waitMs },
  );
}
