import fc from 'fast-check';
import { openSimulatedDatabase } from './database.ts';
import { type Run, type Scenario, simulate } from './simulate.ts';

/** Which runs: `seeds` of them, drawn from `seed`; or the one that `path` leads to. */
export type Exploration = {
  seed: number;
  seeds: number;
  path: string | null;
  /** Whether a failing run is made as small as it can be. */
  shrinks: boolean;
};

/** What many runs were about, to show that they are about something. */
export type Tally = {
  runs: number;
  events: number;
  sends: number;
  effects: number;
  takenUp: number;
  sentAgain: number;
  killed: number;
  states: Record<string, number>;
};

export type Finding = {
  seed: number;
  /** Where fast-check found the smallest failing run. */
  path: string;
  violations: readonly string[];
  /** Everything that happened in it, a line each. */
  trace: readonly string[];
};

export type Explored = { tally: Tally; finding: Finding | null };

/** Runs until a promise is broken. */
export async function explore({ seed, seeds, path, shrinks }: Exploration): Promise<Explored> {
  const database = await openSimulatedDatabase();
  const tally: Tally = {
    runs: 0,
    events: 0,
    sends: 0,
    effects: 0,
    takenUp: 0,
    sentAgain: 0,
    killed: 0,
    states: {},
  };
  const promisesAreKept = fc.asyncProperty(scenarios, async (scenario) => {
    const run = await simulate(database, scenario, null);
    count(tally, run);
    return run.violations.length === 0;
  });
  const details = await fc.check(promisesAreKept, {
    seed,
    numRuns: path === null ? seeds : 1,
    endOnFailure: !shrinks,
    ...(path === null ? {} : { path }),
  });
  if (!details.failed) return { tally, finding: null };
  const [scenario] = details.counterexample ?? [];
  if (scenario === undefined) throw new Error('fast-check gave up.', { cause: details.errorInstance });
  const trace: string[] = [];
  const { violations } = await simulate(database, scenario, (line) => trace.push(line));
  return { tally, finding: { seed, path: details.counterexamplePath ?? '', violations, trace } };
}

/** Short and long alike: the longer, the more goes wrong. */
export const scenarios: fc.Arbitrary<Scenario> = fc.record({
  plan: numbers(40),
  callers: numbers(60),
  store: numbers(200),
  cloud: numbers(200),
  trouble: numbers(60),
});

function numbers(most: number): fc.Arbitrary<number[]> {
  return fc.noBias(fc.array(fc.nat(255), { maxLength: most, size: 'max' }));
}

function count(tally: Tally, run: Run): void {
  tally.runs += 1;
  for (const name of ['events', 'sends', 'effects', 'takenUp', 'sentAgain', 'killed'] as const) {
    tally[name] += run[name];
  }
  for (const state of run.operations) tally.states[state] = (tally.states[state] ?? 0) + 1;
}
