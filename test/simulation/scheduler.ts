/** What happens when, by a clock that stands still while anything happens. */
export type Scheduler = {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Has `run` happen after `ms`; those of the same moment happen in the order they were asked for. */
  after(ms: number, run: () => void): Scheduled;
  /** Lets the next thing happen, and everything that follows from it at once. False: nothing is left to happen. */
  step(): Promise<boolean>;
};

export type Scheduled = { cancel(): void };

type Event = { at: number; run: (() => void) | null };

/** A scheduler whose clock begins at `startMs`. */
export function createScheduler(startMs: number): Scheduler {
  const queue: Event[] = [];
  let now = startMs;

  function insert(event: Event): void {
    let index = queue.length;
    while (index > 0 && (queue[index - 1]?.at ?? 0) <= event.at) index -= 1;
    // Latest first, and of the same moment the last one asked for first: the next one is at the end.
    queue.splice(index, 0, event);
  }

  return {
    now: () => now,
    after(ms, run) {
      const event: Event = { at: now + ms, run };
      insert(event);
      return {
        cancel: () => {
          event.run = null;
        },
      };
    },
    async step() {
      for (let event = queue.pop(); event !== undefined; event = queue.pop()) {
        if (event.run === null) continue;
        now = event.at;
        event.run();
        await settled();
        return true;
      }
      return false;
    },
  };
}

/** Resolves when no promise has anything left to do: nothing of a run waits for the real world. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
