import type { Choices } from './choices.ts';
import type { SimulatedGateway } from './gateway.ts';
import type { Observer } from './observer.ts';
import { createProcess, type Process } from './process.ts';
import type { Scheduler } from './scheduler.ts';

type Deps = {
  scheduler: Scheduler;
  /** How many processes share the store. */
  size: number;
  choices: Choices;
  observer: Observer;
  open: (process: Process) => SimulatedGateway;
  onDeath: () => void;
  trace: (text: () => string) => void;
};

export type Member = { process: Process; gateway: SimulatedGateway };

const recoveryEveryMs = 1_000;

/** Processes that recover what is due, and are started again when they have died. Returns those that take requests. */
export function startFleet(deps: Deps): () => Member[] {
  const { scheduler, size, choices, observer, trace } = deps;
  const slots: (Member | undefined)[] = [];

  function start(slot: number, generation: number): void {
    const label = `${String.fromCharCode(65 + slot)}${generation}`;
    const process = createProcess(scheduler, label);
    const gateway = deps.open(process);
    trace(() => `${label} starts`);
    process.onDeath(() => {
      deps.onDeath();
      trace(() => `${label} dies`);
      scheduler.after(choices.pick([1_000, 100, 9_000, 30_000]), () => start(slot, generation + 1));
    });
    const takeRequests = () => {
      slots[slot] = { process, gateway };
    };
    const recover = () =>
      process.deliver(() => {
        const again = () => void scheduler.after(recoveryEveryMs, recover);
        // What finds nothing to do changes nothing.
        if (!isAnythingDue(observer, process.now())) again();
        else
          void gateway.recovery
            .processAll()
            .catch(() => undefined)
            .then(again);
      });
    if (size > 1) {
      takeRequests();
      scheduler.after(choices.below(10) * 100, recover);
      return;
    }
    // Alone, a process knows at its start that whoever held leases has ended. It takes no requests before, and a start
    // that fails is made again.
    void gateway.claims.breakLeases().then(
      () => {
        takeRequests();
        recover();
      },
      () => process.kill(),
    );
  }

  for (let slot = 0; slot < size; slot += 1) start(slot, 0);
  return () => slots.filter((member) => member !== undefined).filter(({ process }) => process.isAlive());
}

function isAnythingDue({ operations }: Observer, now: number): boolean {
  for (const { state, next_look_at: due, lease_until: lease } of operations.values()) {
    if (state !== 'gone' && state !== 'failed' && due <= now && lease <= now) return true;
  }
  return false;
}
