import { z } from 'zod';
import { orStoreUnavailable, type Store } from '../storage/store.ts';
import { type Operation, operationFromRow } from './operation.ts';
import { type OperationState, operationStates } from './states.ts';

export type OperationFilter = {
  /** Only what this caller began; null for everyone's. */
  owner: { issuer: string; subject: string } | null;
  state: OperationState | null;
  regionId: string | null;
  resourceId: string | null;
  subject: string | null;
  /** Where the page before ended; null for the first page. */
  cursor: ListCursor | null;
  limit: number;
};

/** The last operation of a page: the list goes on with what was begun before it. */
export type ListCursor = { createdAt: number; operationId: string };

/** Operations as people look for them. */
export type OperationList = {
  /** The newest first. `next` is null on the last page. */
  page(filter: OperationFilter): Promise<{ operations: Operation[]; next: ListCursor | null }>;
  /** How many operations are in each state. */
  countByState(): Promise<Record<OperationState, number>>;
};

/** The operations in `store`. Throws Problem STORE_UNAVAILABLE. */
export function createOperationList(store: Store): OperationList {
  return {
    page: (filter) => orStoreUnavailable(() => readPage(store, filter)),
    countByState: () =>
      orStoreUnavailable(async () => {
        const rows = await store.read
          .selectFrom('operations')
          .select((eb) => ['state', eb.fn.countAll<number>().as('count')])
          .groupBy('state')
          .execute();
        const counts = Object.fromEntries(operationStates.map((state) => [state, 0]));
        for (const { state, count } of rows) counts[state] = count;
        return counts as Record<OperationState, number>;
      }),
  };
}

const cursorSchema = z.tuple([z.int().min(0), z.string().min(1).max(100)]);

/** The cursor as callers carry it: opaque, URL-safe text. */
export function writeCursor({ createdAt, operationId }: ListCursor): string {
  return Buffer.from(JSON.stringify([createdAt, operationId])).toString('base64url');
}

/** The cursor that `writeCursor` wrote; null when the text is none. */
export function readCursor(text: string): ListCursor | null {
  try {
    const [createdAt, operationId] = cursorSchema.parse(
      JSON.parse(Buffer.from(text, 'base64url').toString('utf8')),
    );
    return { createdAt, operationId };
  } catch {
    return null;
  }
}

async function readPage(
  store: Store,
  filter: OperationFilter,
): Promise<{ operations: Operation[]; next: ListCursor | null }> {
  let query = store.read
    .selectFrom('operations')
    .selectAll()
    .orderBy('created_at', 'desc')
    .orderBy('operation_id', 'desc')
    .limit(filter.limit + 1);
  const { owner, state, regionId, resourceId, subject, cursor } = filter;
  if (owner !== null) {
    query = query.where('principal_issuer', '=', owner.issuer).where('principal_subject', '=', owner.subject);
  }
  if (state !== null) query = query.where('state', '=', state);
  if (regionId !== null) query = query.where('region_id', '=', regionId);
  if (resourceId !== null) query = query.where('resource_id', '=', resourceId);
  if (subject !== null) query = query.where('principal_subject', '=', subject);
  if (cursor !== null) {
    query = query.where((eb) =>
      eb.or([
        eb('created_at', '<', cursor.createdAt),
        eb.and([eb('created_at', '=', cursor.createdAt), eb('operation_id', '<', cursor.operationId)]),
      ]),
    );
  }
  const operations = (await query.execute()).map(operationFromRow);
  const page = operations.slice(0, filter.limit);
  const last = page.at(-1);
  return { operations: page, next: operations.length > filter.limit && last !== undefined ? last : null };
}
