import type { AuditDraft, AuditKind } from '../audit/record.ts';
import type { Operation } from '../ledger/operation.ts';

/** The audit record of something that recovery did with an operation, with the fields of the request that began it. */
export function recoveryRecord(operation: Operation, kind: AuditKind, result: string): AuditDraft {
  return {
    kind,
    stage: 'recovery',
    result,
    origin: { requestId: operation.requestId, traceId: '0'.repeat(32), sourceAddress: 'portcullis' },
    principal: operation.fullPrincipal,
    request: {
      action: operation.action,
      accountId: operation.accountId,
      regionId: operation.resource.regionId,
      resourceId: operation.resource.id,
      reason: operation.reason,
      ticket: operation.ticket,
      validateOnly: false,
      idempotent: false,
    },
    decisionId: operation.decisionId,
    operationId: operation.operationId,
    policyRevision: operation.policyRevision,
    clientToken: operation.clientToken,
  };
}
