import type { AuditLog } from '../audit/log.ts';
import type { AuditDraft } from '../audit/record.ts';
import { Problem, type ProblemOptions } from '../errors.ts';
import {
  type Database,
  type InTransaction,
  inTransaction,
  isUniqueViolation,
  orStoreUnavailable,
} from '../storage/database.ts';
import { type Intent, type Operation, type Outcome, operationFromRow, rowFromIntent } from './operation.ts';
import { type OperationState, operationStates, statesBefore, unfinishedStates } from './states.ts';

/** The record of what Portcullis set out to do in the cloud and what came of it. */
export type Ledger = {
  /**
   * Makes an intent durable together with its audit record; only when this resolves may the call be made.
   * Throws Problem OPERATION_IN_PROGRESS when a deletion of the same gateway is unfinished or the idempotency key was
   * bound meanwhile, STORE_UNAVAILABLE when it cannot be written; either way there is no intent.
   */
  begin(intent: Intent, record: AuditDraft): Promise<Operation>;
  /**
   * Records what became of an operation together with its audit record, and returns its new state. An operation that
   * has moved on meanwhile (a follow-up saw the end before the call did) keeps its state; the record is appended all the
   * same, because what was established is true. Throws Problem STORE_UNAVAILABLE.
   */
  finish(operationId: string, outcome: Outcome, record: AuditDraft): Promise<Operation>;
  /**
   * What `begin` would refuse for, without beginning: throws Problem OPERATION_IN_PROGRESS when a deletion of this
   * resource is unfinished.
   */
  refuseUnfinished(accountId: string, target: { regionId: string; resourceId: string }): Promise<void>;
  find(operationId: string): Promise<Operation | null>;
  /** The operation that this caller's idempotency key began, if any. */
  findByKey(principal: { issuer: string; subject: string }, key: string): Promise<Operation | null>;
  /** Operations whose end is not known, the least recently touched first, those that need attention last. */
  toFollow(limit: number): Promise<Operation[]>;
  /** How many operations are in each state. */
  countByState(): Promise<Record<OperationState, number>>;
  /** Throws Problem STORE_UNAVAILABLE when the store does not take a write. */
  probe(): Promise<void>;
};

/** The ledger in `db`. `now`: milliseconds since the epoch. */
export function createLedger(db: Database, audit: AuditLog, now: () => number): Ledger {
  return {
    begin: (intent, record) =>
      inTransaction(db, async (trx) => {
        const row = rowFromIntent(intent, now());
        try {
          await trx.insertInto('operations').values(row).execute();
        } catch (error) {
          throw (await conflict(trx, intent, error)) ?? error;
        }
        await audit.append(trx, record);
        return operationFromRow(row);
      }),

    finish: (operationId, outcome, record) =>
      inTransaction(db, async (trx) => {
        const row = await trx
          .updateTable('operations')
          .set((eb) => ({
            state: outcome.state,
            upstream_request_id: outcome.upstream.requestId,
            upstream_code: outcome.upstream.code,
            problem_json: outcome.problem === null ? null : JSON.stringify(outcome.problem),
            attempts: eb('attempts', '+', outcome.attempts),
            updated_at: now(),
          }))
          .where('operation_id', '=', operationId)
          .where('state', 'in', statesBefore(outcome.state))
          .returningAll()
          .executeTakeFirst();
        await audit.append(trx, record);
        if (row !== undefined) return operationFromRow(row);
        const settled = await trx
          .selectFrom('operations')
          .selectAll()
          .where('operation_id', '=', operationId)
          .executeTakeFirstOrThrow();
        return operationFromRow(settled);
      }),

    refuseUnfinished: (accountId, target) =>
      orStoreUnavailable(async () => {
        const other = await unfinished(db, accountId, target.regionId, target.resourceId);
        if (other !== undefined) throw inProgress({});
      }),

    find: (operationId) =>
      orStoreUnavailable(async () => {
        const row = await db
          .selectFrom('operations')
          .selectAll()
          .where('operation_id', '=', operationId)
          .executeTakeFirst();
        return row === undefined ? null : operationFromRow(row);
      }),

    findByKey: (principal, key) =>
      orStoreUnavailable(async () => {
        const row = await db
          .selectFrom('operations')
          .selectAll()
          .where('principal_issuer', '=', principal.issuer)
          .where('principal_subject', '=', principal.subject)
          .where('idempotency_key', '=', key)
          .executeTakeFirst();
        return row === undefined ? null : operationFromRow(row);
      }),

    toFollow: (limit) =>
      orStoreUnavailable(async () => {
        const rows = await db
          .selectFrom('operations')
          .selectAll()
          .where('state', 'in', ['sending', 'unknown', 'accepted', 'needs_attention'])
          // What waits for a person may wait for long, and must not keep the others from being looked at.
          .orderBy((eb) => eb('state', '=', 'needs_attention'))
          .orderBy('updated_at')
          .limit(limit)
          .execute();
        return rows.map(operationFromRow);
      }),

    countByState: () =>
      orStoreUnavailable(async () => {
        const rows = await db
          .selectFrom('operations')
          .select((eb) => ['state', eb.fn.countAll<number>().as('count')])
          .groupBy('state')
          .execute();
        const counts = Object.fromEntries(operationStates.map((state) => [state, 0]));
        for (const { state, count } of rows) counts[state] = count;
        return counts as Record<OperationState, number>;
      }),

    // An update of no row takes the write lock all the same.
    probe: () =>
      inTransaction(db, async (trx) => {
        await trx.updateTable('operations').set({ attempts: 0 }).where('operation_id', '=', '').execute();
      }),
  };
}

/** What the caller is told when the intent collides with another; null when the error is no collision. */
async function conflict(trx: InTransaction, intent: Intent, error: unknown): Promise<Problem | null> {
  const { accountId, resource, principal, decisionId } = intent;
  if (isUniqueViolation(error, 'operations.idempotency_key')) {
    return new Problem(
      'OPERATION_IN_PROGRESS',
      'A request with this Idempotency-Key began at the same moment. Ask again with the same key to learn its outcome.',
      { decisionId, retryAfterMs: 2_000 },
    );
  }
  if (!isUniqueViolation(error, 'operations.resource_id')) return null;
  const other = await unfinished(trx, accountId, resource.regionId, resource.id);
  const mayRead =
    other !== undefined &&
    other.principal_issuer === principal.issuer &&
    other.principal_subject === principal.subject;
  return inProgress({ decisionId, ...(mayRead ? { operationId: other.operation_id } : {}) });
}

function unfinished(db: Database, accountId: string, regionId: string, resourceId: string) {
  return db
    .selectFrom('operations')
    .select(['operation_id', 'principal_issuer', 'principal_subject'])
    .where('account_id', '=', accountId)
    .where('region_id', '=', regionId)
    .where('resource_id', '=', resourceId)
    .where('state', 'in', unfinishedStates)
    .executeTakeFirst();
}

function inProgress(options: ProblemOptions): Problem {
  return new Problem(
    'OPERATION_IN_PROGRESS',
    'Another deletion of this gateway is not finished. Nothing was sent for this request; ask again when that one has ended.',
    { ...options, retryAfterMs: 2_000 },
  );
}
