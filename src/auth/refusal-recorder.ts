import type { ErrorCode } from '../errors.ts';
import type { AuthenticationRefusal } from './refusal.ts';
import { sourceGroup } from './source-group.ts';

/** What a refusal is counted under: why authentication refused, or the problem code where it was not asked. */
export type RefusalReason = AuthenticationRefusal | ErrorCode;

/** A minute's refusals that got no record of their own. */
export type RefusalSummary = {
  /** Milliseconds since the epoch: the first and the last refusal counted here. */
  fromMs: number;
  toMs: number;
  count: number;
  /** Counts by reason code; they add up to `count`. */
  byReason: Readonly<Partial<Record<RefusalReason, number>>>;
  /** The sources (an IPv6 one stands for its /64) with the most refusals, greatest first. */
  topSources: readonly { source: string; count: number }[];
  /** Refusals of all other sources. */
  elsewhere: number;
};

export type RefusalRecorder = {
  /**
   * What becomes of a refusal that happens now: `record`: it deserves an audit record of its own, and the caller
   * writes it; `counted`: it is in the next summary, and nothing more is to be written.
   */
  admit(refusal: { source: string; reason: RefusalReason }): 'record' | 'counted';
  /** Delivers what earlier minutes counted, if anything. The recorder does so by itself every few seconds. */
  deliverDue(): Promise<void>;
  /** Delivers what is left, the present minute's included. Throws what `onSummary` threw: those counts are lost then. */
  [Symbol.asyncDispose](): Promise<void>;
};

type Tally = {
  fromMs: number;
  toMs: number;
  count: number;
  reasons: Map<RefusalReason, number>;
  sources: Map<string, number>;
};

const minuteMs = 60_000;
const deliverEveryMs = 5_000;
const maxTalliedSources = 1_000;
const topSourcesLength = 5;

/**
 * Decides which refusals are recorded singly and which are counted, so that a flood cannot fill the disk: at most
 * `perSource` records a minute for one source and `overall` for all. The rest goes to `onSummary` once a minute; a
 * summary that cannot be delivered is kept, joined with the next. `now`: milliseconds since the epoch.
 */
export function createRefusalRecorder(deps: {
  limits: { perSource: number; overall: number };
  now: () => number;
  onSummary: (summary: RefusalSummary) => Promise<void>;
  onDeliveryFailed: (error: unknown) => void;
}): RefusalRecorder {
  let minute = minuteNow();
  let recorded = 0;
  let recordedBySource = new Map<string, number>();
  let open: Tally | null = null;
  /** Of earlier minutes: to be delivered. */
  let due: Tally | null = null;
  let delivering: Promise<void> = Promise.resolve();

  function minuteNow(): number {
    return Math.floor(deps.now() / minuteMs);
  }

  function closeMinute(): void {
    if (open !== null) due = due === null ? open : joined(due, open);
    open = null;
    minute = minuteNow();
    recorded = 0;
    recordedBySource = new Map();
  }

  async function deliver(): Promise<void> {
    const tally = due;
    if (tally === null) return;
    due = null;
    try {
      await deps.onSummary(summaryOf(tally));
    } catch (error) {
      due = due === null ? tally : joined(tally, due);
      throw error;
    }
  }

  function deliverDue(): Promise<void> {
    if (minuteNow() !== minute) closeMinute();
    // One delivery after another, so that a failed one is back before the next begins.
    const turn = delivering.then(deliver);
    delivering = turn.catch(() => {});
    return turn;
  }

  const timer = setInterval(() => {
    deliverDue().catch(deps.onDeliveryFailed);
  }, deliverEveryMs).unref();

  return {
    admit({ source, reason }) {
      if (minuteNow() !== minute) closeMinute();
      const group = sourceGroup(source);
      const ofSource = recordedBySource.get(group) ?? 0;
      if (recorded < deps.limits.overall && ofSource < deps.limits.perSource) {
        recorded += 1;
        recordedBySource.set(group, ofSource + 1);
        return 'record';
      }
      const atMs = deps.now();
      open ??= { fromMs: atMs, toMs: atMs, count: 0, reasons: new Map(), sources: new Map() };
      open.toMs = atMs;
      open.count += 1;
      increase(open.reasons, reason, 1);
      if (open.sources.has(group) || open.sources.size < maxTalliedSources) increase(open.sources, group, 1);
      return 'counted';
    },
    deliverDue,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      closeMinute();
      await deliverDue();
    },
  };
}

function increase<Name>(counts: Map<Name, number>, name: Name, by: number): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}

function joined(earlier: Tally, later: Tally): Tally {
  for (const [reason, count] of later.reasons) increase(earlier.reasons, reason, count);
  for (const [source, count] of later.sources) {
    if (earlier.sources.has(source) || earlier.sources.size < maxTalliedSources) {
      increase(earlier.sources, source, count);
    }
  }
  return { ...earlier, toMs: later.toMs, count: earlier.count + later.count };
}

function summaryOf({ fromMs, toMs, count, reasons, sources }: Tally): RefusalSummary {
  const topSources = [...sources]
    .map(([source, ofSource]) => ({ source, count: ofSource }))
    .sort((a, b) => b.count - a.count || (a.source < b.source ? -1 : 1))
    .slice(0, topSourcesLength);
  const named = topSources.reduce((sum, top) => sum + top.count, 0);
  return { fromMs, toMs, count, byReason: Object.fromEntries(reasons), topSources, elsewhere: count - named };
}
