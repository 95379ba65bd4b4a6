import type { Operation } from '../ledger/operation.ts';

/** An operation as callers see it. An operation only exists once policy allowed it, so its decision has no violations. */
export function operationView(operation: Operation): Record<string, unknown> {
  return {
    operationId: operation.operationId,
    accountId: operation.accountId,
    action: operation.action,
    resource: operation.resource,
    state: operation.state,
    clientToken: operation.clientToken,
    reason: operation.reason,
    ticket: operation.ticket,
    principal: operation.principal,
    decision: {
      decisionId: operation.decisionId,
      allow: true,
      violations: [],
      policyRevision: operation.policyRevision,
    },
    upstream: operation.upstream,
    problem: operation.problem,
    attempts: operation.attempts,
    createdAt: new Date(operation.createdAt).toISOString(),
    updatedAt: new Date(operation.updatedAt).toISOString(),
    history: operation.history.map(({ at, ...entry }) => ({ at: new Date(at).toISOString(), ...entry })),
  };
}
