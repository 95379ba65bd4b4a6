import { setTimeout as delay } from 'node:timers/promises';

/** Time and chance, passed in so that tests hold them. */
export type Pace = {
  /** Milliseconds since the epoch. */
  now: () => number;
  /** From 0, inclusive, to 1, exclusive. */
  random: () => number;
  /** Resolves after `ms`, or at once when the signal aborts; never rejects. */
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
};

export type Backoff = {
  baseMs: number;
  maxMs: number;
  /** An attempt with less time than this is not begun: it could only end in doubt. */
  leastAttemptMs: number;
};

/**
 * Milliseconds to wait before attempt `attempt + 1`, or null when another attempt would have too little time.
 * Full jitter: any time up to the exponential step, so that many waiters spread out. What the cloud asks for
 * (`floorMs`) is waited in full, plus that jitter; when there is no time for it, there is no further attempt.
 */
export function waitBefore(
  attempt: number,
  floorMs: number | null,
  deadlineMs: number,
  backoff: Backoff,
  pace: Pace,
): number | null {
  const step = Math.min(backoff.maxMs, backoff.baseMs * 2 ** Math.min(attempt - 1, 30));
  const wait = (floorMs ?? 0) + Math.floor(pace.random() * step);
  return pace.now() + wait + backoff.leastAttemptMs <= deadlineMs ? wait : null;
}

/** The real clock. */
export const systemPace: Pace = {
  now: Date.now,
  random: Math.random,
  sleep: async (ms, signal) => {
    try {
      await delay(ms, undefined, { signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  },
};
