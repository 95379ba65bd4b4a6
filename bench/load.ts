import { setTimeout as delay } from 'node:timers/promises';

/** One thing to be measured; `index` counts up over the whole run, so that each call finds a gateway of its own. */
export type Work = (index: number) => Promise<void>;

export type Latencies = { p50: number; p99: number };

/**
 * Begins `count` calls at a steady rate, whether or not earlier ones have ended, and measures each from the moment it
 * was due: a stall shows in all the calls that it delays. Milliseconds.
 */
export async function openLoop(
  work: Work,
  first: number,
  count: number,
  perSecond: number,
): Promise<number[]> {
  const startedAt = performance.now() + 20;
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const dueAt = startedAt + (index * 1_000) / perSecond;
      // Timers cut fractions of a millisecond off, and a call must not begin before it is due.
      await delay(Math.ceil(dueAt - performance.now()));
      await work(first + index);
      return performance.now() - dueAt;
    }),
  );
}

/** Keeps `concurrency` calls under way until `count` have ended. Calls a second. */
export async function closedLoop(
  work: Work,
  first: number,
  count: number,
  concurrency: number,
): Promise<number> {
  return (await timedLoop(work, first, count, concurrency)).perSecond;
}

/** The same, with how long each call took, in milliseconds. */
export async function timedLoop(
  work: Work,
  first: number,
  count: number,
  concurrency: number,
): Promise<{ perSecond: number; samples: number[] }> {
  let next = first;
  const samples: number[] = [];
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (next < first + count) {
        const index = next;
        next += 1;
        const begunAt = performance.now();
        await work(index);
        samples.push(performance.now() - begunAt);
      }
    }),
  );
  return { perSecond: (count * 1_000) / (performance.now() - startedAt), samples };
}

export function latencies(samples: readonly number[]): Latencies {
  return { p50: quantile(samples, 0.5), p99: quantile(samples, 0.99) };
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
