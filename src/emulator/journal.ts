/** What a call did to the state of the cloud. `replayed`: answered from an earlier call with the same ClientToken. */
export type Effect = 'none' | 'created' | 'deleted' | 'connection-deleted' | 'replayed';

export type JournalEntry = {
  sequence: number;
  /** Milliseconds since the epoch. */
  atMs: number;
  action: string;
  accountId: string | null;
  regionId: string | null;
  resourceId: string | null;
  clientToken: string | null;
  effect: Effect;
  /** What was answered; null where the connection was broken instead. */
  httpStatus: number | null;
  code: string | null;
  requestId: string;
  /** The scripted fault that met the call, if any. */
  fault: string | null;
};

/** The calls that the emulator met, each at the time of its effect. Bounded: of those without effect, fewer are kept. */
export type Journal = {
  append(entry: Omit<JournalEntry, 'sequence'>): void;
  entries(): readonly JournalEntry[];
  /** Those that changed the state. */
  effects(): readonly JournalEntry[];
  clear(): void;
};

/** How many entries are kept at most; the older half goes when there are more. */
export type JournalLimits = { withEffect: number; withoutEffect: number };

export const journalLimits: JournalLimits = { withEffect: 100_000, withoutEffect: 20_000 };

export function createJournal(limits: JournalLimits): Journal {
  let entries: JournalEntry[] = [];
  let sequence = 0;
  let counts = { withEffect: 0, withoutEffect: 0 };
  const groupOf = ({ effect }: Pick<JournalEntry, 'effect'>) =>
    effect === 'none' ? 'withoutEffect' : 'withEffect';
  return {
    append(entry) {
      sequence += 1;
      entries.push({ sequence, ...entry });
      const group = groupOf(entry);
      counts[group] += 1;
      if (counts[group] <= limits[group]) return;
      let surplus = Math.ceil(counts[group] / 2);
      counts[group] -= surplus;
      entries = entries.filter((one) => groupOf(one) !== group || surplus-- <= 0);
    },
    entries: () => entries,
    effects: () => entries.filter(({ effect }) => effect !== 'none' && effect !== 'replayed'),
    clear() {
      entries = [];
      counts = { withEffect: 0, withoutEffect: 0 };
    },
  };
}
