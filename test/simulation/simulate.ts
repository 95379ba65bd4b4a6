import { brokenAnswers } from './answers.ts';
import { startCallers, type Told } from './callers.ts';
import { createChoices } from './choices.ts';
import { createCloud } from './cloud.ts';
import type { SimulatedDatabase } from './database.ts';
import { startFleet } from './fleet.ts';
import { createSimulatedGateway, type PolicySwitch } from './gateway.ts';
import { createObserver } from './observer.ts';
import { createOperator } from './operator.ts';
import { largestClockErrorMs, pickWeather } from './process.ts';
import { createScheduler } from './scheduler.ts';
import { createSharedStore } from './store.ts';
import { startTrouble } from './trouble.ts';
import { createWire, longestUnderWayMs } from './wire.ts';

/** The choices of one run, apart by what they are about, so that one of them can be taken out and the others stay. */
export type Scenario = {
  plan: readonly number[];
  callers: readonly number[];
  store: readonly number[];
  cloud: readonly number[];
  trouble: readonly number[];
};

export type Run = {
  /** Promises that were broken, one sentence each. */
  violations: readonly string[];
  /** How much happened, to show that the runs are about something. */
  events: number;
  operations: readonly string[];
  sends: number;
  effects: number;
  takenUp: number;
  sentAgain: number;
  killed: number;
};

const startMs = Date.UTC(2026, 0, 1);
/** A lease that a dead process left, and what recovery promises. */
const endsWithinMs = 20_000 + 60_000;
const ended = new Set(['accepted', 'gone', 'failed', 'needs_attention']);

/** Runs a scenario to its end. `write`: told of everything that happens; null: nobody listens. */
export async function simulate(
  database: SimulatedDatabase,
  scenario: Scenario,
  write: ((line: string) => void) | null,
): Promise<Run> {
  database.reset();
  const scheduler = createScheduler(startMs);
  const trace = (text: () => string) => {
    write?.(`${((scheduler.now() - startMs) / 1_000).toFixed(3).padStart(9)} s  ${text()}`);
  };
  const plan = createChoices(scenario.plan);
  const weather = pickWeather(plan);
  const clocksErr = plan.chance(64);
  const size = plan.pick([2, 1, 3, 2]);
  const policy: PolicySwitch = { allow: true, hourlyLimit: plan.pick([null, null, 2, 1]) };
  const settings = {
    leaseMs: 20_000,
    clientTokenTrustMs: plan.pick([600_000, 600_000, 25_000, 60_000]),
    attentionAfterMs: plan.pick([600_000, 600_000, 30_000]),
  };
  let events = 0;
  let sends = 0;
  let effects = 0;
  let takenUp = 0;
  let sentAgain = 0;
  let killed = 0;

  const observer = createObserver({
    scheduler,
    database,
    cloud: () => cloud,
    clientTokenTrustMs: settings.clientTokenTrustMs,
    clocksErr,
    trace,
  });
  const cloudChoices = createChoices(scenario.cloud);
  const cloud = createCloud({
    scheduler,
    choices: cloudChoices,
    traits: {
      tokenLifeMs: settings.clientTokenTrustMs + longestUnderWayMs + 4 * largestClockErrorMs,
      looksBeforeTokens: plan.chance(128),
      deletionTakesMs: plan.pick([8_000, 300, 2_000, 40_000]),
      deletionsCanFail: plan.chance(40),
    },
    onEffect(...args) {
      effects += 1;
      observer.onEffect(...args);
    },
    trace,
  });
  const wire = createWire({
    scheduler,
    choices: cloudChoices,
    weather,
    cloud,
    onSend(...args) {
      sends += 1;
      observer.onSend(...args);
    },
    trace,
  });
  const store = createSharedStore({
    scheduler,
    database,
    choices: createChoices(scenario.store),
    weather,
    onCommit(process, purpose, at) {
      if (purpose.name === 'claim') takenUp += 1;
      if (purpose.name === 'send-again') sentAgain += 1;
      observer.onCommit(process, purpose, at);
    },
    onDefect: (error) => observer.violate(`A transaction threw ${String(error)}.`),
    trace,
  });

  const fleet = startFleet({
    scheduler,
    size,
    choices: plan,
    observer,
    open: (process) =>
      createSimulatedGateway({
        scheduler,
        process,
        store,
        rpc: wire(process),
        observer,
        choices: plan,
        policy,
        settings,
      }),
    onDeath: () => {
      killed += 1;
    },
    trace,
  });

  let calmSince: number | null = null;
  startTrouble(
    {
      scheduler,
      choices: createChoices(scenario.trouble),
      cloud,
      store,
      policy,
      living: () => fleet().map(({ process }) => process),
      clocksErr,
      setStopped: createOperator(scheduler, store),
      trace,
    },
    () => {
      scheduler.after(plan.pick([0, 5_000, 20_000, 60_000]), () => {
        trace(() => 'no more trouble');
        calmSince = scheduler.now();
        Object.assign(weather, { storeTrouble: 0, cloudTrouble: 0, slowness: 0, suddenDeath: 0 });
      });
    },
  );
  const tellings: Told[] = [];
  const callersBusy = startCallers({
    scheduler,
    choices: createChoices(scenario.callers),
    observer,
    reach: (turn) => fleet()[turn] ?? fleet()[0] ?? null,
    onTold: (told) => tellings.push(told),
    trace,
  });

  /** What is under way when everything has ended may still arrive. */
  let endsAt: number | null = null;
  while (observer.violations.length === 0 && (await scheduler.step())) {
    events += 1;
    const now = scheduler.now();
    if (calmSince === null || callersBusy() > 0) continue;
    const open = [...observer.operations.values()].filter(({ state }) => !ended.has(state));
    if (open.length === 0) {
      endsAt ??= now + longestUnderWayMs + 1_000;
      if (now >= endsAt) break;
    } else {
      for (const row of open) {
        const waited = now - Math.max(calmSince, row.created_at) - (clocksErr ? 2 * largestClockErrorMs : 0);
        if (waited > endsWithinMs)
          observer.violate(
            `${observer.nameOf(row.operation_id)} is ${row.state} ${waited} ms after all trouble.`,
          );
      }
    }
  }
  for (const sentence of brokenAnswers(tellings, observer)) observer.violate(sentence);
  return {
    violations: observer.violations,
    events,
    operations: [...observer.operations.values()].map(({ state }) => state),
    sends,
    effects,
    takenUp,
    sentAgain,
    killed,
  };
}
