import type { AuditDraft } from '../audit/record.ts';
import { Problem, type UpstreamReport } from '../errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Operation, Outcome } from '../ledger/operation.ts';
import type { CallOutcome, CloudOperation } from './cloud-operation.ts';
import { auditedRequest, type GuardedRequest } from './request.ts';

type Deps = {
  accountId: string;
  operation: CloudOperation;
  ledger: Ledger;
  now: () => number;
};

/**
 * Makes the call of an operation whose intent is durable, and records what came of it. Returns the operation in its
 * new state; throws the Problem to answer with when the call certainly had no effect, and STORE_UNAVAILABLE when the
 * outcome could not be recorded: the operation then stays in `sending` and is followed up.
 */
export async function carryOut(deps: Deps, asked: GuardedRequest, begun: Operation): Promise<Operation> {
  const { operationId, clientToken } = begun;
  const result = await callSafely(deps.operation, asked, clientToken);
  const outcome = outcomeOf(result);
  const recorded = await recordOutcome(deps, asked, begun, result, outcome);
  if (result.kind === 'failed') {
    const { code, detail, options } = result.problem;
    throw new Problem(code, detail, { ...options, operationId, decisionId: begun.decisionId });
  }
  return recorded;
}

/** A defect in the client must not read as "no effect": the outcome is then unknown. */
async function callSafely(
  operation: CloudOperation,
  asked: GuardedRequest,
  clientToken: string,
): Promise<CallOutcome> {
  try {
    return await operation.call(asked.target, clientToken);
  } catch (error) {
    const reason = `The call ended in an unexpected failure (${error instanceof Error ? error.name : typeof error}).`;
    return { kind: 'unknown', upstream: null, reason, attempts: 1 };
  }
}

function outcomeOf(result: CallOutcome): Outcome {
  const { attempts } = result;
  switch (result.kind) {
    case 'accepted':
    case 'gone':
      return {
        state: result.kind,
        upstream: { requestId: result.requestId, code: null },
        problem: null,
        attempts,
      };
    case 'failed': {
      const { problem } = result;
      const upstream = problem.options.upstream;
      return {
        state: 'failed',
        upstream: { requestId: upstream?.requestId ?? null, code: upstream?.code ?? null },
        problem: { code: problem.code, detail: problem.detail },
        attempts,
      };
    }
    case 'unknown':
      return {
        state: 'unknown',
        upstream: { requestId: result.upstream?.requestId ?? null, code: result.upstream?.code ?? null },
        problem: { code: 'OUTCOME_UNKNOWN', detail: result.reason },
        attempts,
      };
  }
}

async function recordOutcome(
  deps: Deps,
  asked: GuardedRequest,
  begun: Operation,
  result: CallOutcome,
  outcome: Outcome,
): Promise<Operation> {
  const record: AuditDraft = {
    kind: 'outcome',
    stage: 'call',
    result: outcome.state,
    code: result.kind === 'failed' ? result.problem.code : null,
    detail: outcome.problem?.detail ?? null,
    origin: asked.origin,
    principal: asked.principal,
    request: auditedRequest(deps.operation.action, deps.accountId, asked),
    decisionId: begun.decisionId,
    operationId: begun.operationId,
    policyRevision: begun.policyRevision,
    clientToken: begun.clientToken,
    upstream: upstreamOf(deps.operation.action, result),
    attempts: outcome.attempts,
    latencyMs: deps.now() - asked.arrivedAtMs,
  };
  try {
    return await deps.ledger.finish(begun.operationId, outcome, record);
  } catch (error) {
    throw new Problem(
      'STORE_UNAVAILABLE',
      `The call was made (${outcome.state}), but its outcome cannot be recorded now. Do not send it again: read the operation until it has ended.`,
      { cause: error, operationId: begun.operationId, decisionId: begun.decisionId, retryAfterMs: 5_000 },
    );
  }
}

function upstreamOf(action: string, result: CallOutcome): UpstreamReport | null {
  switch (result.kind) {
    case 'accepted':
    case 'gone':
      return { service: 'Vpc', action, code: null, requestId: result.requestId, httpStatus: null };
    case 'failed':
      return result.problem.options.upstream ?? null;
    case 'unknown':
      return result.upstream;
  }
}
