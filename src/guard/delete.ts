import { randomUUID } from 'node:crypto';
import type { AuditLog } from '../audit/log.ts';
import { type BudgetState, Problem } from '../errors.ts';
import { countedOf, type Ledger } from '../ledger/ledger.ts';
import type { Operation } from '../ledger/operation.ts';
import type { Policy } from '../policy/decision.ts';
import { admissionInput, decisionInput, type RequestedAction } from '../policy/input.ts';
import type { CallsUnderWay } from './calls-under-way.ts';
import { carryOut } from './carry-out.ts';
import type { CloudOperation } from './cloud-operation.ts';
import { judge } from './judge.ts';
import { fingerprint, type GuardedRequest } from './request.ts';
import { decisionRecord, openTrail, recordRefusal } from './trail.ts';

export type Guard = {
  accountId: string;
  operation: CloudOperation;
  policy: Policy & { readonly digest: string };
  ledger: Ledger;
  audit: AuditLog;
  underWay: CallsUnderWay;
  /** Milliseconds since the epoch. */
  now: () => number;
};

export type GuardAnswer =
  /**
   * The operation that this request began, and the promise of what becomes of its call: the operation in its new state,
   * or a Problem where the call had no effect or its outcome could not be recorded.
   */
  | { kind: 'begun'; operation: Operation; outcome: Promise<Operation>; budgets: readonly BudgetState[] }
  /** The operation that the same Idempotency-Key began earlier, as it stands now. */
  | { kind: 'replayed'; operation: Operation }
  /** Every check passed, and nothing was sent. */
  | { kind: 'validated'; decisionId: string; policyRevision: string; budgets: readonly BudgetState[] };

/**
 * Deletes one resource, or says why not. Nothing is sent before the intent is durable. Throws a Problem for every
 * refusal and failure; each has its audit record by then.
 */
export async function guardedDelete(guard: Guard, asked: GuardedRequest): Promise<GuardAnswer> {
  const { accountId, operation, policy, ledger, audit, now } = guard;
  const context = { accountId, action: operation.action, policy, now };
  const requested = requestedAction(guard, asked);
  const trail = openTrail(asked);
  const bound = fingerprint(operation.action, accountId, asked.target);
  const operationId = `op_${randomUUID()}`;
  const { regionId, resourceId } = asked.target;
  const resource = { type: operation.resourceType, regionId, id: resourceId };
  const counted = countedOf({ principal: asked.principal, resource });
  let begun: Awaited<ReturnType<Ledger['begin']>>;

  async function replay(): Promise<GuardAnswer | null> {
    const earlier = await earlierOperation(ledger, asked, bound);
    if (earlier === null) return null;
    await audit.record(decisionRecord(context, trail, 'replayed', { operationId: earlier.operationId }));
    return { kind: 'replayed', operation: earlier };
  }

  try {
    trail.policyInput = admissionInput(asked.principal, requested);
    judge(trail, policy.admission(admissionInput(asked.principal, requested)));

    const earlier = await replay();
    if (earlier !== null) return earlier;
    await ledger.refuseWhileStopped();

    trail.stage = 'facts';
    // Before the facts are read: a process that is held up meanwhile must not take them for fresh.
    const decidedAt = now();
    const [facts] = await Promise.allSettled([operation.readFacts(asked.target)]);
    // The same key may have begun its operation meanwhile. What the facts show is then that operation's own doing, and
    // to refuse because of it would tell the caller that nothing was deleted.
    const meanwhile = await replay();
    if (meanwhile !== null) return meanwhile;
    if (facts.status === 'rejected') throw facts.reason;

    trail.stage = 'decision';
    const input = decisionInput(
      asked.principal,
      requested,
      facts.value,
      await ledger.usage(counted),
      decidedAt,
    );
    trail.policyInput = input;
    const { limits } = judge(trail, policy.decision(input));

    trail.stage = 'intent';
    if (asked.validateOnly) {
      const { principal } = asked;
      const budgets = await ledger.refuseAsBeginWould({ accountId, resource, principal }, limits);
      await audit.record(decisionRecord(context, trail, 'allowed'));
      return { kind: 'validated', decisionId: trail.decisionId, policyRevision: policy.revision, budgets };
    }
    const clientToken = operation.newClientToken();
    begun = await ledger.begin(
      {
        operationId,
        accountId,
        action: operation.action,
        resource,
        clientToken,
        reason: asked.reason,
        ticket: asked.ticket,
        principal: asked.principal,
        requestId: asked.origin.requestId,
        decisionId: trail.decisionId,
        decidedAt,
        policyRevision: policy.revision,
        policyInput: input,
        idempotencyKey: asked.idempotencyKey,
        fingerprint: bound,
      },
      limits,
      decisionRecord(context, trail, 'allowed', { operationId, clientToken }),
    );
  } catch (error) {
    throw await recordRefusal({ ...context, audit }, trail, error);
  }

  const outcome = carryOut(guard, asked, begun.operation);
  guard.underWay.add(outcome);
  return { kind: 'begun', ...begun, outcome };
}

function requestedAction(guard: Guard, asked: GuardedRequest): RequestedAction {
  return {
    action: guard.operation.action,
    resourceType: guard.operation.resourceType,
    resourceId: asked.target.resourceId,
    regionId: asked.target.regionId,
    accountId: guard.accountId,
    reason: asked.reason,
    ticket: asked.ticket,
    requestId: asked.origin.requestId,
  };
}

/**
 * The operation that the request's key began earlier, in its present state. Throws IDEMPOTENCY_KEY_REUSED when the key
 * stands for another deletion, OPERATION_IN_PROGRESS while the call is being made.
 */
async function earlierOperation(
  ledger: Ledger,
  asked: GuardedRequest,
  bound: string,
): Promise<Operation | null> {
  if (asked.idempotencyKey === null || asked.validateOnly) return null;
  const earlier = await ledger.findByKey(asked.principal, asked.idempotencyKey);
  if (earlier === null) return null;
  if (earlier.fingerprint !== bound) {
    throw new Problem(
      'IDEMPOTENCY_KEY_REUSED',
      `This Idempotency-Key began the deletion of ${earlier.resource.id} in ${earlier.resource.regionId}. Use a new key for another gateway.`,
      { operationId: earlier.operationId },
    );
  }
  if (earlier.state === 'sending') {
    throw new Problem(
      'OPERATION_IN_PROGRESS',
      'The deletion that this Idempotency-Key began is being carried out. Ask again with the same key.',
      { operationId: earlier.operationId, retryAfterMs: 2_000 },
    );
  }
  return earlier;
}
