import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { AuditLog } from '../audit/log.ts';
import type { AuditDraft } from '../audit/record.ts';
import { Problem, type Violation } from '../errors.ts';
import type { Claims } from '../ledger/claims.ts';
import { countedOf, type Ledger } from '../ledger/ledger.ts';
import type { Operation } from '../ledger/operation.ts';
import type { Policy } from '../policy/decision.ts';
import type { BudgetUsage, DecisionInput } from '../policy/input.ts';
import type { CloudOperation } from './cloud-operation.ts';
import { judge } from './judge.ts';
import { recoveryRecord } from './recovery-record.ts';

export type ReconsiderDeps = {
  operation: CloudOperation;
  policy: Policy & { readonly digest: string };
  ledger: Ledger;
  claims: Claims;
  audit: AuditLog;
  now: () => number;
};

/** Leave to send again, or why there is none, as a person is told. */
export type Reconsidered = { operation: Operation } | { reason: string };

/** The part of a recorded decision that fresh facts, time and budgets go over. */
const recordedInput = z.object({
  subject: z.looseObject({ type: z.literal('service'), id: z.string() }),
  action: z.looseObject({ name: z.string() }),
  resource: z.looseObject({ type: z.string(), id: z.string() }),
  context: z.looseObject({}),
});

/**
 * Decides anew whether the call of an operation may be sent: the recorded request, judged by the current policy on fresh
 * facts and the present time. Allowed, the decision is durable before this resolves, and the operation's lease is
 * prolonged; refused, that is recorded too. Throws Problem STORE_UNAVAILABLE when it cannot be.
 */
export async function reconsider(deps: ReconsiderDeps, held: Operation): Promise<Reconsidered> {
  const { policy, ledger, claims, audit, now } = deps;
  const decisionId = `dec_${randomUUID()}`;
  const draft: AuditDraft = {
    ...recoveryRecord(held, 'decision', 'refused'),
    decisionId,
    policyRevision: policy.revision,
    policyDigest: policy.digest,
  };
  const judged: { violations: readonly Violation[] } = { violations: [] };
  try {
    await ledger.refuseWhileStopped();
    const { regionId, id: resourceId } = held.resource;
    // Before the facts are read: a process that is held up meanwhile must not take them for fresh.
    const decidedAt = now();
    const facts = await deps.operation.readFacts({ regionId, resourceId });
    const usage = await ledger.usage(countedOf(held));
    const input = inputAgain(held, facts, withoutItself(usage, held, decidedAt), decidedAt);
    draft.policyInput = input;
    judge(judged, policy.decision(input));
    const operation = await claims.sendAgain(
      held,
      { decisionId, decidedAt, policyRevision: policy.revision },
      { ...draft, result: 'allowed' },
    );
    return operation === null
      ? { reason: 'Another instance took it up, deletions were stopped, or its ClientToken came to its end.' }
      : { operation };
  } catch (error) {
    const problem = error instanceof Problem ? error : undecided(error);
    await audit.record({
      ...draft,
      result: problem.status < 500 ? 'refused' : 'error',
      code: problem.code,
      detail: problem.detail,
      violations: judged.violations,
      upstream: problem.options.upstream ?? null,
    });
    return { reason: problem.detail };
  }
}

function inputAgain(held: Operation, facts: unknown, budgets: BudgetUsage, timeMs: number): DecisionInput {
  const recorded: unknown = JSON.parse(held.policyInputJson);
  recordedInput.parse(recorded);
  // The rest was written by decisionInput itself; what a policy reads of it, the policy's own checks judge.
  const before = recorded as DecisionInput;
  return { ...before, context: { ...before.context, facts, budgets, timeMs } };
}

/** What is counted already, without this operation's own place in it. */
function withoutItself(usage: BudgetUsage, held: Operation, nowMs: number): BudgetUsage {
  const age = nowMs - held.createdAt;
  const hour = age < 3_600_000 ? 1 : 0;
  const day = age < 86_400_000 ? 1 : 0;
  const less = (counted: { hour: number; day: number }) => ({
    hour: Math.max(0, counted.hour - hour),
    day: Math.max(0, counted.day - day),
  });
  return {
    principal: less(usage.principal),
    tenant: less(usage.tenant),
    region: less(usage.region),
    all: less(usage.all),
  };
}

function undecided(cause: unknown): Problem {
  return new Problem('INTERNAL', 'Portcullis could not decide whether the call may be sent again.', {
    cause,
  });
}
