import { randomUUID } from 'node:crypto';
import type { Choices } from './choices.ts';
import type { Scheduler } from './scheduler.ts';

/**
 * A process: what it waits for reaches it by `deliver` alone, so that nothing of it runs any more once it is dead, and
 * nothing while it is paused.
 */
export type Process = {
  readonly name: string;
  /** Its clock, which may be wrong. Milliseconds since the epoch. */
  readonly now: () => number;
  isAlive(): boolean;
  /** Runs it now; once the process wakes up; or never. */
  deliver(run: () => void): void;
  /** Has `tell` run when the process dies. */
  onDeath(tell: () => void): void;
  kill(): void;
  pause(): void;
  wake(): void;
  /** Puts its clock forward, or back. */
  shiftClock(ms: number): void;
};

/** The most that a clock is ever wrong by. */
export const largestClockErrorMs = 15_000;

export function createProcess(scheduler: Scheduler, label: string): Process {
  let alive = true;
  let paused = false;
  let offset = 0;
  const heldBack: (() => void)[] = [];
  const mourners: (() => void)[] = [];
  const deliver = (run: () => void): void => {
    if (!alive) return;
    if (paused) heldBack.push(run);
    else run();
  };
  return {
    name: `${label} ${randomUUID()}`,
    now: () => scheduler.now() + offset,
    isAlive: () => alive,
    deliver,
    onDeath: (tell) => void mourners.push(tell),
    kill() {
      if (!alive) return;
      alive = false;
      for (const tell of mourners) tell();
    },
    pause() {
      paused = true;
    },
    wake() {
      paused = false;
      // One by one, in their order: each is followed by all that comes of it.
      for (const run of heldBack.splice(0)) scheduler.after(0, () => deliver(run));
    },
    shiftClock(ms) {
      offset = Math.max(-largestClockErrorMs, Math.min(largestClockErrorMs, offset + ms));
    },
  };
}

/** How often and how long: shares of 256. */
export type Weather = {
  /** Of commits and reads that go wrong. */
  storeTrouble: number;
  /** Of calls of the cloud that go wrong. */
  cloudTrouble: number;
  /** Of both that are slow. */
  slowness: number;
  /** Of deletions that are the last thing that their process sent. */
  suddenDeath: number;
};

export function pickWeather(choices: Choices): Weather {
  return {
    storeTrouble: choices.pick([0, 0, 10, 40]),
    cloudTrouble: choices.pick([0, 40, 110, 200]),
    slowness: choices.pick([0, 0, 20, 80]),
    suddenDeath: choices.pick([0, 0, 30, 120]),
  };
}
