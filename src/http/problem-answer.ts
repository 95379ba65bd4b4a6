import type { Response } from 'express';
import { errorTable, Problem } from '../errors.ts';
import type { Exchange } from './exchange.ts';
import { stateBudgets } from './rate-limit-headers.ts';

/** The error as the Problem to answer with; what is not one already is a defect of ours, or of the request's framing. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  // Express and its router mark what they refuse (a path that cannot be decoded, say) with a 4xx status.
  if (error instanceof URIError || (error as { status?: unknown } | null)?.status === 400) {
    return new Problem(
      'INVALID_REQUEST',
      'path: is not valid percent-encoded UTF-8. Nothing was deleted. Correct it and send the request again.',
      {
        fields: ['path'],
        cause: error,
      },
    );
  }
  return new Problem(
    'INTERNAL',
    'Portcullis failed. Read the operations of this gateway before you try again; give the operator the requestId.',
    { cause: error },
  );
}

/** The body of a problem answer (RFC 9457), without anything internal. */
export function problemBody(problem: Problem, exchange: Exchange): Record<string, unknown> {
  const { violations, upstream, operationId, decisionId, fields } = problem.options;
  return {
    type: `urn:portcullis:problem:${problem.code.toLowerCase().replaceAll('_', '-')}`,
    title: errorTable[problem.code].title,
    status: problem.status,
    detail: problem.detail,
    instance: `urn:portcullis:request:${exchange.origin.requestId}`,
    code: problem.code,
    retryable: problem.retryable,
    requestId: exchange.origin.requestId,
    ...(operationId === undefined ? {} : { operationId }),
    ...(decisionId === undefined ? {} : { decisionId }),
    ...(fields === undefined ? {} : { fields }),
    ...(violations === undefined
      ? {}
      : {
          violations: violations.map(({ code, rule, message, remedy, details }) => ({
            code,
            rule,
            message,
            remedy,
            details,
          })),
        }),
    ...(upstream === undefined ? {} : { upstream }),
  };
}

/** Answers with a problem: status, `Retry-After`, `WWW-Authenticate`, `Location` where they apply, and the body. */
export function answerProblem(res: Response, problem: Problem, exchange: Exchange): void {
  const { retryAfterMs, operationId } = problem.options;
  if (retryAfterMs !== undefined)
    res.setHeader('Retry-After', String(Math.max(1, Math.ceil(retryAfterMs / 1000))));
  if (operationId !== undefined) res.setHeader('Location', `/v1/operations/${operationId}`);
  stateBudgets(res, problem.options.budgets ?? []);
  if (problem.code === 'UNAUTHENTICATED') res.setHeader('WWW-Authenticate', challenge(problem));
  res
    .status(problem.status)
    .type('application/problem+json')
    .send(JSON.stringify(problemBody(problem, exchange)));
}

/** RFC 6750 section 3: no error is named where no credentials were sent, and nothing of why they were refused. */
function challenge(problem: Problem): string {
  const base = 'Bearer realm="portcullis"';
  return problem.options.tokenSent === true ? `${base}, error="invalid_token"` : base;
}
