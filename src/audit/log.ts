import { type Database, type InTransaction, orStoreUnavailable, type Store } from '../storage/store.ts';
import { type AuditDraft, type AuditRecord, auditRecord } from './record.ts';

export type AuditFilter = {
  /** Only records after this sequence number. */
  after: number;
  limit: number;
  operationId: string | null;
  subject: string | null;
  resourceId: string | null;
  code: string | null;
  result: string | null;
};

export type StoredAuditRecord = AuditRecord & {
  /** Position in the log; grows by commit. */
  sequence: number;
};

/** The audit log: appended to, and read; there is nothing else. */
export type AuditLog = {
  /** Appends in the caller's transaction, so that a change and its record stand or fall together. */
  append(trx: InTransaction, draft: AuditDraft): Promise<AuditRecord>;
  /** Appends by itself; durable when it resolves. Throws Problem STORE_UNAVAILABLE, and then nothing was recorded. */
  record(draft: AuditDraft): Promise<AuditRecord>;
  /** Records in the order of the log, oldest first. */
  list(filter: AuditFilter): Promise<StoredAuditRecord[]>;
};

/** The audit log in `store`. `now`: milliseconds since the epoch. */
export function createAuditLog(store: Store, now: () => number): AuditLog {
  async function append(trx: InTransaction, draft: AuditDraft): Promise<AuditRecord> {
    const atMs = now();
    const record = auditRecord(draft, atMs);
    await trx
      .insertInto('audit_records')
      .values({
        record_id: record.recordId,
        recorded_at: atMs,
        kind: record.kind,
        request_id: record.origin.requestId,
        operation_id: record.operationId,
        issuer: record.principal?.issuer ?? null,
        subject: record.principal?.subject ?? null,
        region_id: record.request?.regionId ?? null,
        resource_id: record.request?.resourceId ?? null,
        result: record.result,
        code: record.code,
        record_json: JSON.stringify(record),
      })
      .execute();
    return record;
  }

  return {
    append,
    record: (draft) => store.transact((trx) => append(trx, draft)),
    list: (filter) => orStoreUnavailable(() => listAuditRecords(store.read, filter)),
  };
}

/** Records in the order of the log, oldest first. */
export async function listAuditRecords(db: Database, filter: AuditFilter): Promise<StoredAuditRecord[]> {
  let query = db
    .selectFrom('audit_records')
    .select(['sequence', 'record_json'])
    .where('sequence', '>', filter.after)
    .orderBy('sequence')
    .limit(filter.limit);
  if (filter.operationId !== null) query = query.where('operation_id', '=', filter.operationId);
  if (filter.subject !== null) query = query.where('subject', '=', filter.subject);
  if (filter.resourceId !== null) query = query.where('resource_id', '=', filter.resourceId);
  if (filter.code !== null) query = query.where('code', '=', filter.code);
  if (filter.result !== null) query = query.where('result', '=', filter.result);
  const rows = await query.execute();
  // The writer is `append` alone, in this very shape: parsing it back needs no second schema.
  return rows.map((row) => ({ ...(JSON.parse(row.record_json) as AuditRecord), sequence: row.sequence }));
}
