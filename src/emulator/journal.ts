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

/** Every call the emulator met, in order. Entries with an effect are never dropped, others only when they are many. */
export type Journal = {
  append(entry: Omit<JournalEntry, 'sequence'>): void;
  entries(): readonly JournalEntry[];
  /** Those that changed the state. */
  effects(): readonly JournalEntry[];
  clear(): void;
};

const maxEntries = 100_000;

export function createJournal(): Journal {
  let entries: JournalEntry[] = [];
  let sequence = 0;
  return {
    append(entry) {
      sequence += 1;
      entries.push({ sequence, ...entry });
      if (entries.length <= maxEntries) return;
      // Readers of the journal count effects; what had none may go.
      const half = entries.length / 2;
      entries = entries.filter((kept, index) => index > half || kept.effect !== 'none');
    },
    entries: () => entries,
    effects: () => entries.filter(({ effect }) => effect !== 'none' && effect !== 'replayed'),
    clear() {
      entries = [];
    },
  };
}
