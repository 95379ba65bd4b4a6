import { z } from 'zod';
import type { Principal } from '../auth/principal.ts';
import type { ErrorCode } from '../errors.ts';
import type { OperationsTable } from '../storage/schema.ts';
import { type OperationState, operationStates } from './states.ts';

/** Everything that must be durable before the call: invariant 1. Times in milliseconds since the epoch (UTC). */
export type Intent = {
  operationId: string;
  accountId: string;
  action: string;
  resource: { type: string; regionId: string; id: string };
  clientToken: string;
  reason: string | null;
  ticket: string | null;
  principal: Principal;
  requestId: string;
  decisionId: string;
  decidedAt: number;
  policyRevision: string;
  policyInput: unknown;
  idempotencyKey: string | null;
  fingerprint: string;
};

/** What an operation was begun for and what became of it. Times in milliseconds since the epoch (UTC). */
export type Operation = Omit<Intent, 'policyInput' | 'idempotencyKey' | 'principal'> & {
  state: OperationState;
  principal: { issuer: string; subject: string };
  /** Who asked, completely; null for operations that an earlier version began. */
  fullPrincipal: Principal | null;
  tenant: string | null;
  /** The input of the decision that it was begun on, as JSON text. */
  policyInputJson: string;
  /** From here on the cloud may have forgotten the ClientToken, and it is never sent again. */
  tokenTrustedUntil: number;
  /** Fencing token: whoever writes must name the present one. */
  fence: number;
  leaseUntil: number;
  /** Rounds of recovery since the last change of state. */
  rounds: number;
  upstream: { requestId: string | null; code: string | null };
  /** Why it failed, or what is not known; null while there is nothing to say. */
  problem: OperationProblem | null;
  attempts: number;
  createdAt: number;
  updatedAt: number;
  /** What happened to it, in order. */
  history: readonly HistoryEntry[];
};

export type OperationProblem = { code: ErrorCode | 'OUTCOME_UNKNOWN'; detail: string };

/**
 * One step in the life of an operation:
 * - `begun`: the intent became durable.
 * - `called`: the call ended, as `state` says.
 * - `taken-over`: an instance took it up after another one's lease had ended.
 * - `sent-again`: recovery decided, on fresh facts and the current policy, to send the same ClientToken again.
 * - `looked`: a look at the cloud changed its state.
 */
export type HistoryEntry = {
  at: number;
  event: 'begun' | 'called' | 'taken-over' | 'sent-again' | 'looked';
  state: OperationState;
  /** The instance that did it. */
  instance: string;
  detail: string | null;
  decisionId: string | null;
  policyRevision: string | null;
  attempts: number;
  upstreamRequestId: string | null;
};

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
    fullPrincipal: row.principal_json === null ? null : (JSON.parse(row.principal_json) as Principal),
    tenant: row.tenant,
    requestId: row.request_id,
    decisionId: row.decision_id,
    decidedAt: row.decided_at,
    policyRevision: row.policy_revision,
    policyInputJson: row.policy_input_json,
    fingerprint: row.fingerprint,
    tokenTrustedUntil: row.token_trusted_until,
    fence: row.fence,
    leaseUntil: row.lease_until,
    rounds: row.rounds,
    upstream: { requestId: row.upstream_request_id, code: row.upstream_code },
    problem: row.problem_json === null ? null : (JSON.parse(row.problem_json) as OperationProblem),
    attempts: row.attempts,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    history: row.history
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as HistoryEntry),
  };
}

/** An entry as it is appended to the column. JSON text holds no line break. */
export function historyLine(entry: HistoryEntry): string {
  return `${JSON.stringify(entry)}\n`;
}

/** What the row of a new intent holds besides the intent. Times in milliseconds since the epoch (UTC). */
export type Beginning = { at: number; instance: string; leaseUntil: number; tokenTrustedUntil: number };

/** The row that an intent begins as. */
export function rowFromIntent(
  intent: Intent,
  { at, instance, leaseUntil, tokenTrustedUntil }: Beginning,
): OperationsTable {
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
    principal_json: JSON.stringify(intent.principal),
    tenant: intent.principal.tenant,
    request_id: intent.requestId,
    decision_id: intent.decisionId,
    decided_at: intent.decidedAt,
    policy_revision: intent.policyRevision,
    policy_input_json: JSON.stringify(intent.policyInput),
    idempotency_key: intent.idempotencyKey,
    fingerprint: intent.fingerprint,
    token_trusted_until: tokenTrustedUntil,
    lease_holder: instance,
    lease_until: leaseUntil,
    fence: 1,
    rounds: 0,
    next_look_at: at,
    history: historyLine({
      at,
      event: 'begun',
      state: 'sending',
      instance,
      detail: null,
      decisionId: intent.decisionId,
      policyRevision: intent.policyRevision,
      attempts: 0,
      upstreamRequestId: null,
    }),
    upstream_request_id: null,
    upstream_code: null,
    problem_json: null,
    attempts: 0,
    created_at: at,
    updated_at: at,
  };
}
