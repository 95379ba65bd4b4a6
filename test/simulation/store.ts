import { Problem } from '../../src/errors.ts';
import { CommitUncertain, type Store, storeUnavailable } from '../../src/storage/store.ts';
import type { Choices } from './choices.ts';
import type { SimulatedDatabase } from './database.ts';
import type { Process, Weather } from './process.ts';
import type { Scheduler } from './scheduler.ts';

/** What a transaction is for, and the operation that it names with its fence, if it does. */
export type Purpose = { name: string; held: { operationId: string; fence: number } | null };

/** A store as one process sees it. */
export type ProcessStore = Store & {
  /** Runs `call`; the transaction that it asks for at once is known to be for this. */
  during<T>(purpose: Purpose, call: () => T): T;
};

export type SharedStore = {
  openFor(process: Process): ProcessStore;
  /** While out, it refuses everything. */
  setOut(out: boolean): void;
};

type Deps = {
  scheduler: Scheduler;
  database: SimulatedDatabase;
  choices: Choices;
  weather: Weather;
  /** `at`: when the transaction was run, by the clock of the process; its commit may be later. */
  onCommit: (process: Process, purpose: Purpose, at: number) => void;
  /** Told of what no transaction should throw. */
  onDefect: (error: unknown) => void;
  trace: (text: () => string) => void;
};

const troubles = [
  'refused',
  'unconfirmed',
  'lost',
  'late',
  'late-lost',
  'killed-before',
  'killed-after',
  'slow',
] as const;

/** The database that all processes share: one transaction at a time, with trouble on the way to it, in it and back. */
export function createSharedStore(deps: Deps): SharedStore {
  const { scheduler, database, choices, weather, trace } = deps;
  const waiting: (() => void)[] = [];
  let busy = false;
  let out = false;

  function enter(process: Process, run: () => void): void {
    if (busy) waiting.push(() => process.deliver(() => enter(process, run)));
    else run();
  }

  function leave(): void {
    busy = false;
    if (waiting.length > 0) scheduler.after(0, admitNext);
  }

  /** One by one: whoever enters does so alone, with all that follows at once. */
  function admitNext(): void {
    if (busy) return;
    waiting.shift()?.();
    if (!busy && waiting.length > 0) scheduler.after(0, admitNext);
  }

  function delay(): number {
    return choices.chance(weather.slowness)
      ? choices.pick([50, 500, 3_000, 12_000])
      : choices.pick([1, 2, 3, 5, 8, 13]);
  }

  function openFor(process: Process): ProcessStore {
    let purpose: Purpose | null = null;

    async function run<T>(
      meant: Purpose,
      work: Parameters<Store['transact']>[0],
      resolve: (value: T) => void,
      reject: (error: unknown) => void,
    ): Promise<void> {
      const answer = (tell: () => void) => void scheduler.after(delay(), () => process.deliver(tell));
      const refuse = (cause: unknown) => answer(() => reject(storeUnavailable(cause)));
      const commit = () => {
        database.end('commit');
        deps.onCommit(process, meant, at);
      };
      const at = process.now();
      const trouble = choices.chance(weather.storeTrouble) ? choices.pick(troubles) : null;
      if (trouble !== null) trace(() => `store: ${trouble} (${meant.name})`);
      if (out || trouble === 'refused') return refuse(new Error('The simulated store is out.'));

      busy = true;
      database.begin();
      let value: T;
      try {
        value = (await work(database.writer)) as T;
      } catch (error) {
        database.end('rollback');
        if (!(error instanceof Problem)) deps.onDefect(error);
        answer(() => reject(error instanceof Problem ? error : storeUnavailable(error)));
        return leave();
      }
      const uncertain = () => refuse(new CommitUncertain(new Error('The connection broke.')));
      switch (trouble) {
        case null:
          commit();
          answer(() => resolve(value));
          return leave();
        case 'unconfirmed':
          commit();
          uncertain();
          return leave();
        case 'lost':
          database.end('rollback');
          uncertain();
          return leave();
        case 'killed-before':
          database.end('rollback');
          process.kill();
          return leave();
        case 'killed-after':
          commit();
          process.kill();
          return leave();
        case 'slow':
        case 'late':
        case 'late-lost': {
          if (trouble !== 'slow') uncertain();
          const lost = trouble === 'late-lost';
          scheduler.after(choices.pick([100, 1_000, 6_000, 15_000, 25_000]), () => {
            if (lost) database.end('rollback');
            else commit();
            if (trouble === 'slow') answer(() => resolve(value));
            leave();
          });
          return;
        }
      }
    }

    const gate = () =>
      new Promise<void>((resolve, reject) => {
        scheduler.after(delay(), () =>
          process.deliver(() =>
            enter(process, () => {
              if (out || choices.chance(weather.storeTrouble))
                reject(new Error('The simulated store is out.'));
              else resolve();
            }),
          ),
        );
      });

    return {
      dialect: 'sqlite',
      read: database.reader(gate),
      transact: (work) =>
        new Promise((resolve, reject) => {
          const meant = purpose ?? { name: 'record', held: null };
          scheduler.after(delay(), () =>
            process.deliver(() => enter(process, () => void run(meant, work, resolve, reject))),
          );
        }),
      during(meant, call) {
        purpose = meant;
        try {
          return call();
        } finally {
          purpose = null;
        }
      },
      [Symbol.asyncDispose]: async () => undefined,
    };
  }

  return {
    openFor,
    setOut: (to) => {
      out = to;
    },
  };
}
