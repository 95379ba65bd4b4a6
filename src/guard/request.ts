import { createHash } from 'node:crypto';
import type { AuditedRequest, RequestOrigin } from '../audit/record.ts';
import type { Principal } from '../auth/principal.ts';

/** What is to be acted on: one resource in one region of the account that this instance serves. */
export type Target = { regionId: string; resourceId: string };

/** An authenticated, well-formed request to act on a resource. */
export type GuardedRequest = {
  principal: Principal;
  origin: RequestOrigin;
  /** When it arrived, milliseconds since the epoch. */
  arrivedAtMs: number;
  target: Target;
  reason: string | null;
  ticket: string | null;
  /** Run every check and make no call. */
  validateOnly: boolean;
  idempotencyKey: string | null;
};

/**
 * What an idempotency key stands for: the call, the account, the region and the resource. Two requests with the same
 * fingerprint ask for the same effect; reason and ticket are commentary and do not count.
 */
export function fingerprint(action: string, accountId: string, target: Target): string {
  const payload = JSON.stringify([action, accountId, target.regionId, target.resourceId]);
  return createHash('sha256').update(payload).digest('hex');
}

/** The request as the audit log tells it. */
export function auditedRequest(action: string, accountId: string, asked: GuardedRequest): AuditedRequest {
  return {
    action,
    accountId,
    regionId: asked.target.regionId,
    resourceId: asked.target.resourceId,
    reason: asked.reason,
    ticket: asked.ticket,
    validateOnly: asked.validateOnly,
    idempotent: asked.idempotencyKey !== null,
  };
}
