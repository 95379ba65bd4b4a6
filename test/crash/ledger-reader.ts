import { z } from 'zod';
import type { OperationRow, RecordRow, Witness } from './evidence.ts';

/** Reads the database beside the gateway, on connections of its own that see committed rows only. */
export type LedgerReader = AsyncDisposable & {
  /** What the ledger holds for a ClientToken at this moment, before anything else happens in this process. */
  witness(clientToken: string): Witness;
  /** Operations, and audit records in the order of the log, as they were at one moment. */
  ledger(): Promise<{ operations: OperationRow[]; records: RecordRow[] }>;
  /** Operations in none of the states in which nothing is under way. */
  countUnfinished(): Promise<number>;
};

/** The four questions, in the words that both databases understand; `member` reads a member of a column of JSON text. */
export function queries(member: (column: string, name: string) => string, placeholder: string) {
  const stage = member('record_json', 'stage');
  const allowed = `select count(*) from audit_records r where r.operation_id = o.operation_id
    and r.kind = 'decision' and r.result = 'allowed'`;
  return {
    witness: `select operation_id, resource_id, state, token_trusted_until,
      (${allowed} and ${stage} <> 'recovery') as decisions,
      (${allowed} and ${stage} = 'recovery') as recovery_decisions
      from operations o where client_token = ${placeholder}`,
    operations: `select created_at, operation_id, resource_id, state, client_token, request_id, idempotency_key,
      principal_subject from operations order by created_at`,
    unfinished: `select count(*) as count from operations where state in ('pending', 'sending', 'unknown')`,
    records: `select sequence, recorded_at, kind, ${stage} as stage, result, operation_id,
      ${member('record_json', 'clientToken')} as client_token, resource_id from audit_records order by sequence`,
  };
}

// PostgreSQL gives its 64-bit integers as text.
const integer = z.coerce.number().int();
const text = z.string();

const witnessRow = z.object({
  operation_id: text,
  resource_id: text,
  state: text,
  token_trusted_until: integer,
  decisions: integer,
  recovery_decisions: integer,
});

export function readWitness(row: unknown): Witness {
  if (row === undefined || row === null) return { kind: 'absent' };
  const read = witnessRow.parse(row);
  return {
    kind: 'intent',
    operationId: read.operation_id,
    resourceId: read.resource_id,
    state: read.state,
    tokenTrustedUntil: read.token_trusted_until,
    decisions: read.decisions,
    recoveryDecisions: read.recovery_decisions,
  };
}

export const countRow = z.object({ count: integer }).transform(({ count }) => count);

export const operationRow = z
  .object({
    created_at: integer,
    operation_id: text,
    resource_id: text,
    state: text,
    client_token: text,
    request_id: text,
    idempotency_key: text.nullable(),
    principal_subject: text,
  })
  .transform(
    (row): OperationRow => ({
      createdAtMs: row.created_at,
      operationId: row.operation_id,
      resourceId: row.resource_id,
      state: row.state,
      clientToken: row.client_token,
      requestId: row.request_id,
      idempotencyKey: row.idempotency_key,
      subject: row.principal_subject,
    }),
  );

export const recordRow = z
  .object({
    sequence: integer,
    recorded_at: integer,
    kind: text,
    stage: text,
    result: text,
    operation_id: text.nullable(),
    client_token: text.nullable(),
    resource_id: text.nullable(),
  })
  .transform(
    (row): RecordRow => ({
      sequence: row.sequence,
      atMs: row.recorded_at,
      kind: row.kind,
      stage: row.stage,
      result: row.result,
      operationId: row.operation_id,
      clientToken: row.client_token,
      resourceId: row.resource_id,
    }),
  );
