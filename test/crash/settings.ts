import type { ConfigInput } from '../../src/config.ts';

/** Settings under which a test need not wait for what production waits for; the lease is the shortest there may be. */
export const crashSettings = {
  cloud: { readTimeoutMs: 600, callDeadlineMs: 3_000 },
  ledger: { leaseMs: 6_600 },
  recovery: { intervalMs: 200, lookEveryMs: 500, attentionAfterMs: 30_000 },
} as const satisfies Partial<ConfigInput>;

/** Under strace everything takes its time. */
export const tracedSettings = {
  ...crashSettings,
  cloud: { readTimeoutMs: 10_000, callDeadlineMs: 20_000 },
  ledger: { leaseMs: 20_000 },
} as const satisfies Partial<ConfigInput>;
