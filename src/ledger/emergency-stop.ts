import type { AuditLog } from '../audit/log.ts';
import type { AuditDraft } from '../audit/record.ts';
import { Problem } from '../errors.ts';
import { type Database, orStoreUnavailable, type Store } from '../storage/store.ts';

/** Whether deletions are stopped, and who last changed that. Times in milliseconds since the epoch (UTC). */
export type StopState = {
  stopped: boolean;
  reason: string | null;
  changedBy: { issuer: string; subject: string } | null;
  changedAt: number | null;
};

/** The switch that stops every deletion of every instance that shares the store. */
export type EmergencyStop = {
  state(): Promise<StopState>;
  /**
   * Stops, or lets deletions go on, together with its audit record; durable when it resolves. Doing it twice is no
   * error: the later reason stands. Throws Problem STORE_UNAVAILABLE, and then nothing changed.
   */
  change(
    to: { stopped: boolean; reason: string; by: { issuer: string; subject: string } },
    record: AuditDraft,
  ): Promise<StopState>;
};

/** The switch in `store`. `now`: milliseconds since the epoch. */
export function createEmergencyStop(store: Store, audit: AuditLog, now: () => number): EmergencyStop {
  return {
    state: () => orStoreUnavailable(() => readStop(store.read)),
    change: ({ stopped, reason, by }, record) =>
      store.transact(async (trx) => {
        await trx
          .updateTable('emergency_stop')
          .set({
            stopped: stopped ? 1 : 0,
            reason,
            changed_by_issuer: by.issuer,
            changed_by_subject: by.subject,
            changed_at: now(),
          })
          .execute();
        await audit.append(trx, record);
        return readStop(trx);
      }),
  };
}

/** The state of the switch as `db` sees it. A store without it is broken, and that refuses. */
export async function readStop(db: Database): Promise<StopState> {
  const row = await db.selectFrom('emergency_stop').selectAll().executeTakeFirstOrThrow();
  const { changed_by_issuer: issuer, changed_by_subject: subject } = row;
  return {
    stopped: row.stopped !== 0,
    reason: row.reason,
    changedBy: issuer === null || subject === null ? null : { issuer, subject },
    changedAt: row.changed_at,
  };
}

/** Throws Problem DELETIONS_STOPPED while the switch is on. */
export async function refuseWhileStopped(db: Database): Promise<void> {
  const { stopped, reason } = await readStop(db);
  if (!stopped) return;
  throw new Problem(
    'DELETIONS_STOPPED',
    `Nothing was deleted: an operator has stopped all deletions (${reason ?? 'no reason given'}). Ask again when they are resumed.`,
  );
}
