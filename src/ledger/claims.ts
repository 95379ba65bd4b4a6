import type { AuditLog } from '../audit/log.ts';
import type { AuditDraft } from '../audit/record.ts';
import { Problem } from '../errors.ts';
import { failPoint } from '../fail-point.ts';
import type { Store } from '../storage/store.ts';
import { refuseWhileStopped } from './emergency-stop.ts';
import type { Held, LedgerSettings } from './ledger.ts';
import { historyLine, type Operation, operationFromRow } from './operation.ts';
import { openStates } from './states.ts';

/** What recovery needs of the ledger: work to take up, and to hand back. */
export type Claims = {
  /**
   * Takes up to `limit` operations whose end is not known, that are due, and that nobody holds: each under a new fence,
   * so that whoever held it before can record nothing more.
   */
  claimDue(limit: number): Promise<Operation[]>;
  /** Hands an operation back with nothing new to say; the next look is due at `nextLookAt`, ms since the epoch. */
  postpone(held: Held, nextLookAt: number): Promise<void>;
  /**
   * Records the decision to send the ClientToken again, and prolongs the lease. Returns the operation as it now is;
   * null when the lease has gone to another instance, its token is no longer trusted, or deletions are stopped: then it
   * must not be sent.
   */
  sendAgain(
    held: Held,
    decision: { decisionId: string; decidedAt: number; policyRevision: string },
    record: AuditDraft,
  ): Promise<Operation | null>;
  /** Ends every lease. Only for a process that knows itself to be the only one, when it starts. */
  breakLeases(): Promise<void>;
};

/** Claims on the operations in `store`. `now`: milliseconds since the epoch. */
export function createClaims(
  store: Store,
  audit: AuditLog,
  { instance, leaseMs }: LedgerSettings,
  now: () => number,
): Claims {
  return {
    claimDue: (limit) =>
      store.transact(async (trx) => {
        const at = now();
        const due = await trx
          .selectFrom('operations')
          .select(['operation_id', 'state', 'lease_holder'])
          .where('state', 'in', openStates)
          .where('next_look_at', '<=', at)
          .where('lease_until', '<=', at)
          .orderBy('next_look_at')
          .limit(limit)
          .$if(store.dialect === 'postgresql', (query) => query.forUpdate().skipLocked())
          .execute();
        const claimed: Operation[] = [];
        for (const { operation_id: operationId, state, lease_holder: holder } of due) {
          const line =
            state === 'sending' && holder !== instance
              ? historyLine({
                  at,
                  event: 'taken-over',
                  state,
                  instance,
                  detail: `The lease of ${holder ?? 'nobody'} had ended.`,
                  decisionId: null,
                  policyRevision: null,
                  attempts: 0,
                  upstreamRequestId: null,
                })
              : '';
          const row = await trx
            .updateTable('operations')
            .set((eb) => ({
              fence: eb('fence', '+', 1),
              rounds: eb('rounds', '+', 1),
              lease_holder: instance,
              lease_until: at + leaseMs,
              history: eb('history', '||', line),
            }))
            .where('operation_id', '=', operationId)
            .returningAll()
            .executeTakeFirstOrThrow();
          claimed.push(operationFromRow(row));
        }
        return claimed;
      }),

    postpone: (held, nextLookAt) =>
      store.transact(async (trx) => {
        await trx
          .updateTable('operations')
          .set({ lease_until: 0, next_look_at: nextLookAt })
          .where('operation_id', '=', held.operationId)
          .where('fence', '=', held.fence)
          .execute();
      }),

    sendAgain: (held, { decisionId, decidedAt, policyRevision }, record) =>
      store
        .transact(async (trx) => {
          await refuseWhileStopped(trx);
          const at = now();
          const line = historyLine({
            at,
            event: 'sent-again',
            state: 'unknown',
            instance,
            detail: null,
            decisionId,
            policyRevision,
            attempts: 0,
            upstreamRequestId: null,
          });
          const row = await trx
            .updateTable('operations')
            .set((eb) => ({
              state: 'unknown',
              decided_at: decidedAt,
              lease_until: at + leaseMs,
              history: eb('history', '||', line),
              updated_at: at,
            }))
            .where('operation_id', '=', held.operationId)
            .where('fence', '=', held.fence)
            .where('state', 'in', ['sending', 'unknown'])
            .where('token_trusted_until', '>', at)
            .returningAll()
            .executeTakeFirst();
          if (row === undefined) return null;
          await audit.append(trx, record);
          return operationFromRow(row);
        })
        .then((operation) => {
          failPoint('recovery-decided');
          return operation;
        })
        .catch((error: unknown) => {
          if (error instanceof Problem && error.code === 'DELETIONS_STOPPED') return null;
          throw error;
        }),

    breakLeases: () =>
      store.transact(async (trx) => {
        await trx.updateTable('operations').set({ lease_until: 0 }).where('lease_until', '>', 0).execute();
      }),
  };
}
