import type { AuditLog } from '../audit/log.ts';
import type { AuditDraft } from '../audit/record.ts';
import { mayReadOf } from '../auth/roles.ts';
import { type BudgetState, Problem } from '../errors.ts';
import { failPoint } from '../fail-point.ts';
import type { BudgetLimit } from '../policy/decision.ts';
import type { BudgetUsage } from '../policy/input.ts';
import type { OperationsTable } from '../storage/schema.ts';
import {
  CommitUncertain,
  type Database,
  type InTransaction,
  orStoreUnavailable,
  type Store,
} from '../storage/store.ts';
import { type Counted, giveBack, refuseExhausted, reserve, usageOf } from './budgets.ts';
import { refuseWhileStopped } from './emergency-stop.ts';
import {
  type HistoryEntry,
  historyLine,
  type Intent,
  type Operation,
  type Outcome,
  operationFromRow,
  rowFromIntent,
} from './operation.ts';
import { statesBefore, unfinishedStates } from './states.ts';

/** The record of what Portcullis set out to do in the cloud and what came of it: what a deletion needs of it. */
export type Ledger = {
  /**
   * Makes an intent durable together with its audit record and its place in the budgets; only when this resolves may
   * the call be made. Throws Problem OPERATION_IN_PROGRESS when a deletion of the same resource is unfinished or the
   * idempotency key was bound meanwhile, BUDGET_EXHAUSTED, DELETIONS_STOPPED: then there is no intent. Throws
   * STORE_UNAVAILABLE when it could not be written; it names the operation when that may have happened all the same.
   */
  begin(
    intent: Intent,
    limits: readonly BudgetLimit[],
    record: AuditDraft,
  ): Promise<{ operation: Operation; budgets: BudgetState[] }>;
  /** Throws what `begin` would, and begins nothing. */
  refuseAsBeginWould(
    intent: Pick<Intent, 'accountId' | 'resource' | 'principal'>,
    limits: readonly BudgetLimit[],
  ): Promise<BudgetState[]>;
  /** Throws Problem DELETIONS_STOPPED while the emergency stop is on. */
  refuseWhileStopped(): Promise<void>;
  /** How many deletions already count for this caller, its tenant, the region and everyone. */
  usage(counted: Counted): Promise<BudgetUsage>;
  /**
   * Prolongs the lease before another attempt, and returns its new end in milliseconds since the epoch; null when the
   * lease has gone to another instance or deletions are stopped. Throws Problem STORE_UNAVAILABLE.
   */
  renew(held: Held): Promise<number | null>;
  /**
   * Records what became of an operation together with its audit record, and returns its new state. Null when the lease
   * has gone to another instance or the operation has moved on: nothing was recorded. Throws STORE_UNAVAILABLE.
   */
  finish(
    held: Held,
    event: HistoryEntry['event'],
    outcome: Outcome,
    record: AuditDraft,
  ): Promise<Operation | null>;
  find(operationId: string): Promise<Operation | null>;
  /** The operation that this caller's idempotency key began, if any. */
  findByKey(principal: { issuer: string; subject: string }, key: string): Promise<Operation | null>;
};

/** An operation as whoever works on it holds it. */
export type Held = Pick<Operation, 'operationId' | 'fence'>;

export type LedgerSettings = {
  /** Name of this instance, for the record; no two alike. */
  instance: string;
  /** Milliseconds that an operation belongs to who took it up. */
  leaseMs: number;
  /** Milliseconds that a ClientToken is trusted to make the cloud recognise a repeated call. */
  clientTokenTrustMs: number;
};

/** The ledger in `store`. `now`: milliseconds since the epoch. */
export function createLedger(
  store: Store,
  audit: AuditLog,
  settings: LedgerSettings,
  now: () => number,
): Ledger {
  const { instance, leaseMs, clientTokenTrustMs } = settings;

  async function begin(intent: Intent, limits: readonly BudgetLimit[], record: AuditDraft) {
    const begun = await store.transact(async (trx) => {
      await refuseWhileStopped(trx);
      // By this transaction's own clock, so that the trust in the token is never longer than set.
      const at = now();
      const row = rowFromIntent(intent, {
        at,
        instance,
        leaseUntil: at + leaseMs,
        tokenTrustedUntil: at + clientTokenTrustMs,
      });
      const inserted = await trx
        .insertInto('operations')
        .values(row)
        .onConflict((conflict) => conflict.doNothing())
        .returning('operation_id')
        .executeTakeFirst();
      if (inserted === undefined) throw await collision(trx, intent);
      const budgets = await reserve(trx, store.dialect, countedOf(intent), limits, at);
      await audit.append(trx, record);
      failPoint('intent-before-commit');
      return { operation: operationFromRow(row), budgets };
    });
    failPoint('intent-durable');
    return begun;
  }

  return {
    begin: (intent, limits, record) =>
      begin(intent, limits, record).catch((error: unknown) => {
        if (!(error instanceof Problem) || !(error.cause instanceof CommitUncertain)) throw error;
        const { operationId } = intent;
        throw new Problem(error.code, error.detail, { ...error.options, operationId });
      }),

    refuseAsBeginWould: (intent, limits) =>
      orStoreUnavailable(async () => {
        await refuseWhileStopped(store.read);
        const other = await unfinishedOf(store.read, intent);
        if (other !== undefined) throw inProgress(other);
        return refuseExhausted(store.read, countedOf(intent), limits, now());
      }),

    refuseWhileStopped: () => orStoreUnavailable(() => refuseWhileStopped(store.read)),

    usage: (counted) => orStoreUnavailable(() => usageOf(store.read, counted, now())),

    renew: (held) =>
      store
        .transact(async (trx) => {
          await refuseWhileStopped(trx);
          const leaseUntil = now() + leaseMs;
          const renewed = await trx
            .updateTable('operations')
            .set({ lease_until: leaseUntil })
            .where('operation_id', '=', held.operationId)
            .where('fence', '=', held.fence)
            .returning('operation_id')
            .executeTakeFirst();
          return renewed === undefined ? null : leaseUntil;
        })
        .catch((error: unknown) => {
          if (error instanceof Problem && error.code === 'DELETIONS_STOPPED') return null;
          throw error;
        }),

    finish: async (held, event, outcome, record) => {
      const finished = await store.transact(async (trx) => {
        const row = await writeOutcome(trx, held, event, outcome, { instance, at: now() });
        if (row === undefined) return null;
        const operation = operationFromRow(row);
        if (operation.state === 'failed') await giveBack(trx, countedOf(operation), operation.createdAt);
        await audit.append(trx, record);
        failPoint('outcome-before-commit');
        return operation;
      });
      failPoint('outcome-durable');
      return finished;
    },

    find: (operationId) =>
      orStoreUnavailable(async () => {
        const row = await store.read
          .selectFrom('operations')
          .selectAll()
          .where('operation_id', '=', operationId)
          .executeTakeFirst();
        return row === undefined ? null : operationFromRow(row);
      }),

    findByKey: (principal, key) =>
      orStoreUnavailable(async () => {
        const row = await store.read
          .selectFrom('operations')
          .selectAll()
          .where('principal_issuer', '=', principal.issuer)
          .where('principal_subject', '=', principal.subject)
          .where('idempotency_key', '=', key)
          .executeTakeFirst();
        return row === undefined ? null : operationFromRow(row);
      }),
  };
}

/** Whom an operation, or an intent, is counted for in the budgets. */
export function countedOf(of: {
  principal: { issuer: string; subject: string; tenant?: string | null };
  tenant?: string | null;
  resource: { regionId: string };
}): Counted {
  const { principal, resource } = of;
  return { principal, tenant: principal.tenant ?? of.tenant ?? null, regionId: resource.regionId };
}

/** Changes the state by the table of transitions, as the holder of the fence; undefined when either forbids it. */
function writeOutcome(
  trx: InTransaction,
  held: Held,
  event: HistoryEntry['event'],
  outcome: Outcome,
  { instance, at }: { instance: string; at: number },
): Promise<OperationsTable | undefined> {
  const before = statesBefore(outcome.state);
  if (before.length === 0) return Promise.resolve(undefined);
  const line = historyLine({
    at,
    event,
    state: outcome.state,
    instance,
    detail: outcome.problem?.detail ?? null,
    decisionId: null,
    policyRevision: null,
    attempts: outcome.attempts,
    upstreamRequestId: outcome.upstream.requestId,
  });
  return trx
    .updateTable('operations')
    .set((eb) => ({
      state: outcome.state,
      upstream_request_id: outcome.upstream.requestId,
      upstream_code: outcome.upstream.code,
      problem_json: outcome.problem === null ? null : JSON.stringify(outcome.problem),
      attempts: eb('attempts', '+', outcome.attempts),
      lease_until: 0,
      rounds: 0,
      next_look_at: at,
      history: eb('history', '||', line),
      updated_at: at,
    }))
    .where('operation_id', '=', held.operationId)
    .where('fence', '=', held.fence)
    .where('state', 'in', before)
    .returningAll()
    .executeTakeFirst();
}

/** What the caller is told when the intent collides with another one. */
async function collision(trx: InTransaction, intent: Intent): Promise<Problem | Error> {
  const { decisionId } = intent;
  const other = await unfinishedOf(trx, intent);
  if (other !== undefined) return inProgress(other, decisionId);
  const keyed = await trx
    .selectFrom('operations')
    .select('operation_id')
    .where('principal_issuer', '=', intent.principal.issuer)
    .where('principal_subject', '=', intent.principal.subject)
    .where('idempotency_key', '=', intent.idempotencyKey)
    .executeTakeFirst();
  if (keyed === undefined) return new Error('The intent collides with nothing that can be found.');
  return new Problem(
    'OPERATION_IN_PROGRESS',
    'A request with this Idempotency-Key began at the same moment. Ask again with the same key to learn its outcome.',
    { decisionId, operationId: keyed.operation_id, retryAfterMs: 2_000 },
  );
}

/** The unfinished deletion of the same resource, and whether this caller may read it. */
async function unfinishedOf(
  db: Database,
  { accountId, resource, principal }: Pick<Intent, 'accountId' | 'resource' | 'principal'>,
): Promise<{ operationId: string; mayRead: boolean } | undefined> {
  const row = await db
    .selectFrom('operations')
    .select(['operation_id', 'principal_issuer', 'principal_subject'])
    .where('account_id', '=', accountId)
    .where('region_id', '=', resource.regionId)
    .where('resource_id', '=', resource.id)
    .where('state', 'in', unfinishedStates)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const owner = { issuer: row.principal_issuer, subject: row.principal_subject };
  return { operationId: row.operation_id, mayRead: mayReadOf(principal, owner) };
}

function inProgress(other: { operationId: string; mayRead: boolean }, decisionId?: string): Problem {
  return new Problem(
    'OPERATION_IN_PROGRESS',
    'Another deletion of this gateway is not finished. Nothing was sent for this request; ask again when that one has ended.',
    {
      ...(decisionId === undefined ? {} : { decisionId }),
      ...(other.mayRead ? { operationId: other.operationId } : {}),
      retryAfterMs: 2_000,
    },
  );
}
