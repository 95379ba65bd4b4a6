import { sql } from 'kysely';
import { type BudgetState, Problem } from '../errors.ts';
import type { BudgetLimit } from '../policy/decision.ts';
import type { BudgetUsage, WindowUsage } from '../policy/input.ts';
import type { Database, Dialect, InTransaction } from '../storage/store.ts';

/** Whom a deletion is counted for. Callers without a tenant share one budget, as if they were a tenant. */
export type Counted = {
  principal: { issuer: string; subject: string };
  tenant: string | null;
  regionId: string;
};

type Scope = BudgetLimit['scope'];

const minuteMs = 60_000;
const windowMinutes = { hour: 60, day: 24 * 60 } as const;

/** Always in this order, so that two transactions never wait for each other. */
const scopes: readonly Scope[] = ['all', 'region', 'tenant', 'principal'];

/** Any number; it only has to be the same in every instance. */
const budgetLock = 7_466_101;

/** How many deletions were begun in the last hour and day, for each of the scopes. `nowMs`: since the epoch. */
export async function usageOf(db: Database, counted: Counted, nowMs: number): Promise<BudgetUsage> {
  const buckets = await readBuckets(db, counted, nowMs);
  const of = (scope: Scope): WindowUsage => ({
    hour: used(buckets, scope, 'hour', nowMs),
    day: used(buckets, scope, 'day', nowMs),
  });
  return { principal: of('principal'), tenant: of('tenant'), region: of('region'), all: of('all') };
}

/**
 * Counts one deletion in every scope, if the limits leave room for it. Throws Problem BUDGET_EXHAUSTED otherwise, and
 * nothing is counted. On PostgreSQL the reservations of all instances take turns until each has committed.
 */
export async function reserve(
  trx: InTransaction,
  dialect: Dialect,
  counted: Counted,
  limits: readonly BudgetLimit[],
  nowMs: number,
): Promise<BudgetState[]> {
  if (dialect === 'postgresql') await sql`select pg_advisory_xact_lock(${sql.lit(budgetLock)})`.execute(trx);
  const states = await standing(trx, counted, limits, nowMs, 1);
  await trx
    .insertInto('budget_usage')
    .values(scopes.map((scope) => ({ scope, key: keyOf(counted, scope), minute: minuteOf(nowMs), used: 1 })))
    .onConflict((conflict) =>
      conflict
        .columns(['scope', 'key', 'minute'])
        .doUpdateSet((eb) => ({ used: eb('budget_usage.used', '+', 1) })),
    )
    .execute();
  return states;
}

/** What `reserve` would refuse for, without counting anything. Throws Problem BUDGET_EXHAUSTED. */
export async function refuseExhausted(
  db: Database,
  counted: Counted,
  limits: readonly BudgetLimit[],
  nowMs: number,
): Promise<BudgetState[]> {
  return standing(db, counted, limits, nowMs, 0);
}

/** Takes back what the deletion begun at `begunAtMs` was counted as: it certainly had no effect. */
export async function giveBack(trx: InTransaction, counted: Counted, begunAtMs: number): Promise<void> {
  for (const scope of scopes) {
    await trx
      .updateTable('budget_usage')
      .set((eb) => ({ used: eb('used', '-', 1) }))
      .where('scope', '=', scope)
      .where('key', '=', keyOf(counted, scope))
      .where('minute', '=', minuteOf(begunAtMs))
      .where('used', '>', 0)
      .execute();
  }
}

/** Forgets what no window reaches any more. */
export async function sweepBudgets(trx: InTransaction, nowMs: number): Promise<void> {
  await trx
    .deleteFrom('budget_usage')
    .where('minute', '<', minuteOf(nowMs) - windowMinutes.day)
    .execute();
}

async function standing(
  db: Database,
  counted: Counted,
  limits: readonly BudgetLimit[],
  nowMs: number,
  taking: 0 | 1,
): Promise<BudgetState[]> {
  if (limits.length === 0) return [];
  const buckets = await readBuckets(db, counted, nowMs);
  const states = limits.map((limit) => {
    const before = used(buckets, limit.scope, limit.window, nowMs);
    const resetMs = untilFree(buckets, limit, nowMs);
    return { ...limit, remaining: limit.limit - before, resetMs };
  });
  const exhausted = states.filter(({ remaining }) => remaining < 1);
  if (exhausted.length > 0) throw budgetExhausted(exhausted);
  return states.map((state) => ({ ...state, remaining: state.remaining - taking }));
}

type Bucket = { scope: string; minute: number; used: number };

async function readBuckets(db: Database, counted: Counted, nowMs: number): Promise<Bucket[]> {
  return db
    .selectFrom('budget_usage')
    .select(['scope', 'minute', 'used'])
    .where((eb) =>
      eb.or(scopes.map((scope) => eb.and([eb('scope', '=', scope), eb('key', '=', keyOf(counted, scope))]))),
    )
    .where('minute', '>=', minuteOf(nowMs) - windowMinutes.day)
    .where('used', '>', 0)
    .orderBy('minute')
    .execute();
}

/** Whole minutes that touch the window count in full: in doubt against the caller. */
function used(buckets: readonly Bucket[], scope: Scope, window: 'hour' | 'day', nowMs: number): number {
  const from = minuteOf(nowMs) - windowMinutes[window];
  let sum = 0;
  for (const bucket of buckets) if (bucket.scope === scope && bucket.minute >= from) sum += bucket.used;
  return sum;
}

/** Milliseconds until so much has left the window that one more deletion fits. */
function untilFree(buckets: readonly Bucket[], { scope, window, limit }: BudgetLimit, nowMs: number): number {
  const length = windowMinutes[window];
  let sum = used(buckets, scope, window, nowMs);
  for (const bucket of buckets) {
    if (bucket.scope !== scope || bucket.minute < minuteOf(nowMs) - length) continue;
    sum -= bucket.used;
    if (sum < limit) return (bucket.minute + length + 1) * minuteMs - nowMs;
  }
  return length * minuteMs;
}

function budgetExhausted(exhausted: readonly BudgetState[]): Problem {
  const retryAfterMs = Math.max(...exhausted.map(({ resetMs }) => resetMs));
  const which = exhausted.map(
    ({ scope, window, limit }) =>
      `${limit} ${window === 'hour' ? 'an hour' : 'a day'} for ${scopeNames[scope]}`,
  );
  return new Problem(
    'BUDGET_EXHAUSTED',
    `Nothing was deleted: policy allows ${which.join(' and ')}, and as many were begun. Wait as long as Retry-After says, or have the platform team raise the budget.`,
    { retryAfterMs, budgets: exhausted },
  );
}

const scopeNames: Record<Scope, string> = {
  principal: 'one caller',
  tenant: 'one tenant',
  region: 'one region',
  all: 'everyone together',
};

function keyOf(counted: Counted, scope: Scope): string {
  switch (scope) {
    case 'principal':
      return JSON.stringify([counted.principal.issuer, counted.principal.subject]);
    case 'tenant':
      return counted.tenant ?? '';
    case 'region':
      return counted.regionId;
    case 'all':
      return '';
  }
}

function minuteOf(ms: number): number {
  return Math.floor(ms / minuteMs);
}
