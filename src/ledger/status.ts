import type { Database } from '../storage/store.ts';
import { readStop } from './emergency-stop.ts';
import { openStates } from './states.ts';

/** What an operator asks first: what is in the ledger, and what of it is not at its end. */
export type LedgerStatus = {
  /** Operations by state. */
  operations: Record<string, number>;
  oldestUnfinished: {
    operationId: string;
    gateway: string;
    regionId: string;
    state: string;
    /** RFC 3339, UTC: when it began. */
    since: string;
  } | null;
  stopped: boolean;
  stopReason: string | null;
};

/** Reads the status. Changes nothing. */
export async function ledgerStatus(db: Database): Promise<LedgerStatus> {
  const counts = await db
    .selectFrom('operations')
    .select((eb) => ['state', eb.fn.countAll<number>().as('count')])
    .groupBy('state')
    .orderBy('state')
    .execute();
  const oldest = await db
    .selectFrom('operations')
    .select(['operation_id', 'resource_id', 'region_id', 'state', 'created_at'])
    .where('state', 'in', openStates)
    .orderBy('created_at')
    .limit(1)
    .executeTakeFirst();
  const { stopped, reason } = await readStop(db);
  return {
    operations: Object.fromEntries(counts.map(({ state, count }) => [state, count])),
    oldestUnfinished:
      oldest === undefined
        ? null
        : {
            operationId: oldest.operation_id,
            gateway: oldest.resource_id,
            regionId: oldest.region_id,
            state: oldest.state,
            since: new Date(oldest.created_at).toISOString(),
          },
    stopped,
    stopReason: stopped ? reason : null,
  };
}
