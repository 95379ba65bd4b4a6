import type { AuditDraft } from '../audit/record.ts';
import { Problem } from '../errors.ts';
import { failPoint } from '../fail-point.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Operation, Outcome } from '../ledger/operation.ts';
import { callSafely, outcomeOf, upstreamOf } from './call-outcome.ts';
import type { CallOutcome, CloudOperation } from './cloud-operation.ts';
import { auditedRequest, type GuardedRequest } from './request.ts';
import { sendPermission } from './send-permission.ts';

type Deps = {
  accountId: string;
  operation: CloudOperation;
  ledger: Ledger;
  now: () => number;
};

/**
 * Makes the call of an operation whose intent is durable, and records what came of it. Returns the operation in its
 * new state; throws the Problem to answer with when the call certainly had no effect, and STORE_UNAVAILABLE when the
 * outcome could not be recorded: the operation then stays in `sending`, and recovery takes it up.
 */
export async function carryOut(deps: Deps, asked: GuardedRequest, begun: Operation): Promise<Operation> {
  const { operationId, decisionId } = begun;
  const result = await callSafely(deps.operation, begun, sendPermission(deps, begun));
  failPoint('call-answered');
  const recorded = await recordOutcome(deps, asked, begun, result, outcomeOf(result));
  if (recorded.state === 'failed' && result.kind === 'failed') {
    const { code, detail, options } = result.problem;
    throw new Problem(code, detail, { ...options, operationId, decisionId });
  }
  return recorded;
}

async function recordOutcome(
  deps: Deps,
  asked: GuardedRequest,
  begun: Operation,
  result: CallOutcome,
  outcome: Outcome,
): Promise<Operation> {
  const { operationId, decisionId } = begun;
  const record: AuditDraft = {
    kind: 'outcome',
    stage: 'call',
    result: outcome.state,
    code: result.kind === 'failed' ? result.problem.code : null,
    detail: outcome.problem?.detail ?? null,
    origin: asked.origin,
    principal: asked.principal,
    request: auditedRequest(deps.operation.action, deps.accountId, asked),
    decisionId,
    operationId,
    policyRevision: begun.policyRevision,
    clientToken: begun.clientToken,
    upstream: upstreamOf(deps.operation.action, result),
    attempts: outcome.attempts,
    latencyMs: deps.now() - asked.arrivedAtMs,
  };
  try {
    const recorded = await deps.ledger.finish(begun, 'called', outcome, record);
    if (recorded !== null) return recorded;
    // Another instance took it up meanwhile, and what it records is what holds.
    const present = await deps.ledger.find(operationId);
    if (present !== null) return present;
    throw new Error('The operation has vanished from the ledger.');
  } catch (error) {
    throw new Problem(
      'STORE_UNAVAILABLE',
      `The call was made (${outcome.state}), but its outcome cannot be recorded now. Do not send it again: read the operation until it has ended.`,
      { cause: error, operationId, decisionId, retryAfterMs: 5_000 },
    );
  }
}
