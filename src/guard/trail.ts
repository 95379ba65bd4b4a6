import { randomUUID } from 'node:crypto';
import type { AuditLog } from '../audit/log.ts';
import type { AuditDraft, Stage } from '../audit/record.ts';
import { Problem, type Violation } from '../errors.ts';
import { auditedRequest, type GuardedRequest } from './request.ts';

/**
 * What is known of a request while it passes the stages, so that a refusal at any of them is recorded with the same
 * fields as an allowance.
 */
export type Trail = {
  readonly decisionId: string;
  readonly asked: GuardedRequest;
  stage: Stage;
  policyInput: unknown;
  violations: readonly Violation[];
};

type TrailContext = {
  accountId: string;
  action: string;
  policy: { revision: string; digest: string };
  now: () => number;
};

export function openTrail(asked: GuardedRequest): Trail {
  return { decisionId: `dec_${randomUUID()}`, asked, stage: 'admission', policyInput: null, violations: [] };
}

/** The decision record of a trail as it stands. */
export function decisionRecord(
  context: TrailContext,
  trail: Trail,
  result: string,
  more: Partial<AuditDraft> = {},
): AuditDraft {
  const { asked } = trail;
  return {
    kind: 'decision',
    stage: trail.stage,
    result,
    origin: asked.origin,
    principal: asked.principal,
    request: auditedRequest(context.action, context.accountId, asked),
    decisionId: trail.decisionId,
    violations: trail.violations,
    policyRevision: context.policy.revision,
    policyDigest: context.policy.digest,
    policyInput: trail.policyInput,
    latencyMs: context.now() - asked.arrivedAtMs,
    ...more,
  };
}

/**
 * Records that a request was refused or could not be decided, and returns the Problem to answer with: the given one,
 * or STORE_UNAVAILABLE where not even the refusal could be recorded.
 */
export async function recordRefusal(
  context: TrailContext & { audit: AuditLog },
  trail: Trail,
  error: unknown,
): Promise<Problem> {
  const problem = asProblem(error, trail.decisionId);
  try {
    await context.audit.record(
      decisionRecord(context, trail, problem.status < 500 ? 'refused' : 'error', {
        code: problem.code,
        detail: problem.detail,
        upstream: problem.options.upstream ?? null,
      }),
    );
  } catch (recordingError) {
    // The store failed before as well, and that answer may name an operation which was begun all the same.
    if (problem.code === 'STORE_UNAVAILABLE') return problem;
    return recordingError instanceof Problem ? recordingError : asProblem(recordingError, trail.decisionId);
  }
  return problem;
}

function asProblem(error: unknown, decisionId: string): Problem {
  if (!(error instanceof Problem)) {
    return new Problem(
      'INTERNAL',
      'Portcullis failed before anything was sent to the cloud. Try again; if it lasts, give the operator the requestId.',
      { cause: error, decisionId },
    );
  }
  return new Problem(error.code, error.detail, { ...error.options, decisionId });
}
