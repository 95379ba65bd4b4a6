import type { Choices } from './choices.ts';
import type { Cloud, Mood } from './cloud.ts';
import type { PolicySwitch } from './gateway.ts';
import type { Process } from './process.ts';
import type { Scheduler } from './scheduler.ts';
import type { SharedStore } from './store.ts';

type Deps = {
  scheduler: Scheduler;
  choices: Choices;
  cloud: Cloud;
  store: SharedStore;
  policy: PolicySwitch;
  /** Every process that lives. */
  living: () => Process[];
  clocksErr: boolean;
  setStopped: (stopped: boolean) => void;
  trace: (text: () => string) => void;
};

const waits = [0, 2, 7, 30, 150, 800, 4_000, 15_000, 40_000] as const;
const lengths = [200, 3_000, 12_000, 25_000, 70_000] as const;
const moods: readonly [Mood, ...Mood[]] = ['configuring', 'throttling', 'failing', 'blind'];

/** Things that go wrong; `onOver` once no more do. By then they are undone, but that deletions may stay stopped. */
export function startTrouble(deps: Deps, onOver: () => void): void {
  const { scheduler, choices, cloud, store, policy, living, trace } = deps;
  let left = choices.pick([0, 1, 2, 3, 4, 6, 8]);
  if (left === 0) onOver();
  const over = () => {
    left -= 1;
    if (left === 0) onOver();
  };
  let at = 0;
  for (let count = left; count > 0; count -= 1) {
    // The next one may come before this one is over.
    at += choices.pick(waits);
    scheduler.after(at, () => {
      const undo = happen();
      if (undo === null) over();
      else
        scheduler.after(choices.pick(lengths), () => {
          undo();
          over();
        });
    });
  }

  function happen(): (() => void) | null {
    const process = living()[choices.below(3)] ?? living()[0];
    const what = choices.pick([
      'policy',
      'kill',
      'kill',
      'pause',
      'pause',
      'store',
      'stop',
      'mood',
      'mood',
      'outside',
      'clock',
      'pause-all',
    ] as const);
    trace(() => `trouble: ${what}${process === undefined ? '' : ` (${process.name.slice(0, 2)})`}`);
    switch (what) {
      case 'policy':
        policy.allow = !policy.allow;
        return null;
      case 'kill':
        process?.kill();
        return null;
      case 'pause':
        return pausing(process === undefined ? [] : [process]);
      case 'pause-all':
        return pausing(living());
      case 'store':
        store.setOut(true);
        return () => store.setOut(false);
      case 'stop':
        deps.setStopped(true);
        return choices.chance(50) ? null : () => deps.setStopped(false);
      case 'mood':
        cloud.setMood(choices.pick(moods));
        return () => cloud.setMood('well');
      case 'outside':
        cloud.deleteFromOutside(choices.pick(['vpn-a', 'vpn-b']));
        return null;
      case 'clock':
        if (deps.clocksErr) process?.shiftClock(choices.pick([4_000, -4_000, 15_000, -15_000, 800]));
        return null;
    }
  }
}

function pausing(processes: readonly Process[]): () => void {
  for (const process of processes) process.pause();
  return () => {
    for (const process of processes) process.wake();
  };
}
