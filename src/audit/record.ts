import { randomUUID } from 'node:crypto';
import type { Principal } from '../auth/principal.ts';
import type { ErrorCode, UpstreamReport, Violation } from '../errors.ts';

/** What a request came as: from where, under which ids. */
export type RequestOrigin = {
  requestId: string;
  /** Trace id of W3C Trace Context, 32 lower-case hex digits. */
  traceId: string;
  /** The client's address, as far as trusted proxies vouch for it. */
  sourceAddress: string;
};

/** What was asked for, so far as it could be read. */
export type AuditedRequest = {
  action: string;
  accountId: string;
  regionId: string | null;
  resourceId: string | null;
  reason: string | null;
  ticket: string | null;
  validateOnly: boolean;
  /** Whether the caller sent an Idempotency-Key. */
  idempotent: boolean;
};

/**
 * - `decision`: one for every request: what was asked, by whom, and what Portcullis decided, before any call is made; and
 *   one whenever recovery reconsiders whether to send a call again.
 * - `outcome`: one for every call: what became of it. Later looks at the cloud add further ones.
 * - `administration`: an operator stopped deletions or let them go on.
 * - `read`: someone read operations or audit records.
 * - `refusals`: a counted summary of refusals that are too many to record singly.
 */
export type AuditKind = 'decision' | 'outcome' | 'administration' | 'read' | 'refusals';

/** The stage of a request that settled it. */
export type Stage =
  | 'authentication'
  | 'request'
  | 'admission'
  | 'facts'
  | 'decision'
  | 'intent'
  | 'call'
  | 'recovery';

/**
 * One entry of the audit log. Refusals have the same fields as allowances; a field that a stage never reached is null.
 * No field may ever hold a secret: tokens appear as hashes, facts are picked from an allow-list.
 */
export type AuditRecord = {
  schemaVersion: 1;
  recordId: string;
  /** RFC 3339, UTC, milliseconds. */
  time: string;
  kind: AuditKind;
  stage: Stage;
  /** `allowed` and `refused` are decisions; `error`: no decision could be made; else the operation's state. */
  result: string;
  /** The problem code answered, if any. */
  code: ErrorCode | null;
  /** What the caller was told. */
  detail: string | null;
  /** Why authentication refused; never told to the caller. */
  authenticationRefusal: string | null;
  origin: RequestOrigin;
  principal: Principal | null;
  request: AuditedRequest | null;
  decisionId: string | null;
  operationId: string | null;
  violations: readonly Violation[];
  policyRevision: string | null;
  policyDigest: string | null;
  /** The exact input that policy saw, facts and time included. */
  policyInput: unknown;
  clientToken: string | null;
  upstream: UpstreamReport | null;
  attempts: number | null;
  /** Milliseconds from the arrival of the request to this record. */
  latencyMs: number | null;
  /**
   * For `refusals`: how many, of what kinds. For `read`: what was asked. For a request that was refused before it was
   * read: its method and path. For a later look: what was seen.
   */
  summary: Record<string, unknown> | null;
};

/** The parts of a record that its writer states; everything left out is null (or empty). */
export type AuditDraft = Pick<AuditRecord, 'kind' | 'stage' | 'result' | 'origin'> &
  Partial<Omit<AuditRecord, 'schemaVersion' | 'recordId' | 'time' | 'kind' | 'stage' | 'result' | 'origin'>>;

/** Completes a draft. `atMs`: milliseconds since the epoch (UTC). */
export function auditRecord(draft: AuditDraft, atMs: number): AuditRecord {
  return {
    schemaVersion: 1,
    recordId: randomUUID(),
    time: new Date(atMs).toISOString(),
    code: null,
    detail: null,
    authenticationRefusal: null,
    principal: null,
    request: null,
    decisionId: null,
    operationId: null,
    violations: [],
    policyRevision: null,
    policyDigest: null,
    policyInput: null,
    clientToken: null,
    upstream: null,
    attempts: null,
    latencyMs: null,
    summary: null,
    ...draft,
  };
}
