import { z } from 'zod';
import type { ErrorCode } from '../errors.ts';
import type { OperationsTable } from '../storage/schema.ts';
import { type OperationState, operationStates } from './states.ts';

/** Everything that must be durable before the call: invariant 1. */
export type Intent = {
  operationId: string;
  accountId: string;
  action: string;
  resource: { type: string; regionId: string; id: string };
  clientToken: string;
  reason: string | null;
  ticket: string | null;
  principal: { issuer: string; subject: string };
  requestId: string;
  decisionId: string;
  policyRevision: string;
  policyInput: unknown;
  idempotencyKey: string | null;
  fingerprint: string;
};

/** What an operation was begun for and what became of it. Times in milliseconds since the epoch (UTC). */
export type Operation = Omit<Intent, 'policyInput' | 'idempotencyKey'> & {
  state: OperationState;
  upstream: { requestId: string | null; code: string | null };
  /** Why it failed, or what is not known; null while there is nothing to say. */
  problem: OperationProblem | null;
  attempts: number;
  createdAt: number;
  updatedAt: number;
};

export type OperationProblem = { code: ErrorCode | 'OUTCOME_UNKNOWN'; detail: string };

/** What a call, or a later look, established. */
export type Outcome = {
  state: OperationState;
  upstream: { requestId: string | null; code: string | null };
  problem: OperationProblem | null;
  /** Attempts made by this call; zero for a look. */
  attempts: number;
};

const stateSchema = z.enum(operationStates);

/** The row as an operation. Throws when the row holds a state that this version does not know. */
export function operationFromRow(row: OperationsTable): Operation {
  return {
    operationId: row.operation_id,
    accountId: row.account_id,
    action: row.action,
    resource: { type: row.resource_type, regionId: row.region_id, id: row.resource_id },
    state: stateSchema.parse(row.state),
    clientToken: row.client_token,
    reason: row.reason,
    ticket: row.ticket,
    principal: { issuer: row.principal_issuer, subject: row.principal_subject },
    requestId: row.request_id,
    decisionId: row.decision_id,
    policyRevision: row.policy_revision,
    fingerprint: row.fingerprint,
    upstream: { requestId: row.upstream_request_id, code: row.upstream_code },
    problem: row.problem_json === null ? null : (JSON.parse(row.problem_json) as OperationProblem),
    attempts: row.attempts,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

/** The row that an intent begins as. `atMs`: milliseconds since the epoch. */
export function rowFromIntent(intent: Intent, atMs: number): OperationsTable {
  return {
    operation_id: intent.operationId,
    account_id: intent.accountId,
    action: intent.action,
    resource_type: intent.resource.type,
    region_id: intent.resource.regionId,
    resource_id: intent.resource.id,
    state: 'sending',
    client_token: intent.clientToken,
    reason: intent.reason,
    ticket: intent.ticket,
    principal_issuer: intent.principal.issuer,
    principal_subject: intent.principal.subject,
    request_id: intent.requestId,
    decision_id: intent.decisionId,
    policy_revision: intent.policyRevision,
    policy_input_json: JSON.stringify(intent.policyInput),
    idempotency_key: intent.idempotencyKey,
    fingerprint: intent.fingerprint,
    upstream_request_id: null,
    upstream_code: null,
    problem_json: null,
    attempts: 0,
    created_at: atMs,
    updated_at: atMs,
  };
}
