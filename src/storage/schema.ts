import type { Generated } from 'kysely';

/**
 * The tables as the code sees them. Times are milliseconds since the epoch (UTC); columns ending in `_json` hold
 * JSON text whose shape belongs to the module that writes it.
 */
export type Schema = {
  operations: OperationsTable;
  audit_records: AuditRecordsTable;
  budget_usage: BudgetUsageTable;
  emergency_stop: EmergencyStopTable;
};

export type OperationsTable = {
  operation_id: string;
  account_id: string;
  action: string;
  resource_type: string;
  region_id: string;
  resource_id: string;
  state: string;
  client_token: string;
  reason: string | null;
  ticket: string | null;
  principal_issuer: string;
  principal_subject: string;
  request_id: string;
  decision_id: string;
  policy_revision: string;
  /** The exact input that the decision was made on, so that it can be replayed. */
  policy_input_json: string;
  idempotency_key: string | null;
  fingerprint: string;
  /** The whole principal, for the records of what happens after its request; null for operations from before this column. */
  principal_json: string | null;
  tenant: string | null;
  decided_at: number;
  /** From here on the cloud may have forgotten the ClientToken, and it is never sent again. */
  token_trusted_until: number;
  /** The instance that works on it, until when, and the fencing token that its writes must name. */
  lease_holder: string | null;
  lease_until: number;
  fence: number;
  /** Rounds of recovery since the last change of state. */
  rounds: number;
  next_look_at: number;
  /** What happened to it: one JSON object a line. */
  history: string;
  upstream_request_id: string | null;
  upstream_code: string | null;
  problem_json: string | null;
  attempts: number;
  created_at: number;
  updated_at: number;
};

export type AuditRecordsTable = {
  sequence: Generated<number>;
  record_id: string;
  recorded_at: number;
  kind: string;
  request_id: string;
  operation_id: string | null;
  issuer: string | null;
  subject: string | null;
  region_id: string | null;
  resource_id: string | null;
  result: string;
  code: string | null;
  record_json: string;
};

/** How many deletions were begun in a minute (of the epoch), by what a budget can be limited by. */
export type BudgetUsageTable = {
  scope: string;
  key: string;
  minute: number;
  used: number;
};

/** One row, always there. */
export type EmergencyStopTable = {
  id: number;
  stopped: number;
  reason: string | null;
  changed_by_issuer: string | null;
  changed_by_subject: string | null;
  changed_at: number | null;
};
