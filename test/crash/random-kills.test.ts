import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startCallers } from './callers.ts';
import { bothDatabases } from './databases.ts';
import type { Exchange } from './evidence.ts';
import { flag, seedOfRun } from './flags.ts';
import type { Instance } from './instance.ts';
import { randomFrom } from './random.ts';
import { startFaults } from './random-faults.ts';
import { crashSettings } from './settings.ts';
import { openWorld } from './world.ts';

const databases = bothDatabases();
const rounds = Math.ceil(flag('CRASH_ROUNDS', 1_000) / databases.length);
const seed = seedOfRun();
const callers = 6;
/** How often everything is read and checked while it goes on. */
const checkEvery = 25;

for (const database of databases) {
  test(`killed at ${rounds} random moments under load, on ${database.name}`, {
    skip: database.skip,
  }, async (t) => {
    t.diagnostic(`CRASH_SEED=${seed} CRASH_ROUNDS=${rounds * databases.length} replays the moments`);
    const began = performance.now();
    await using world = await openWorld({
      databaseUrl: await database.create(),
      settings: crashSettings,
      deletingMs: 400,
      defect: [],
    });
    await using stack = new AsyncDisposableStack();
    const moments = randomFrom(seed);
    const faults = startFaults(world.cloud.emulator, randomFrom(seed + 1), 0.2);
    {
      await using load = startCallers(world, callers, randomFrom(seed + 2));
      const fleet: Instance[] = [];
      for (let round = 1; round <= rounds; round += 1) {
        while (fleet.length < database.instances) fleet.push(stack.use(world.start()));
        // Some die while they start, with what those before left them to recover.
        if (moments.chance(0.1)) {
          await delay(moments.between(1, 500));
        } else {
          await Promise.all(fleet.map(({ listening }) => listening));
          load.askOf(fleet);
          await delay(moments.between(5, 500));
        }
        const [victim] = fleet.splice(moments.below(fleet.length), 1);
        await victim?.kill();
        if (round % checkEvery === 0)
          assert.deepEqual(await world.broken(false), [], `round ${round}, seed ${seed}`);
      }
      await Promise.all(fleet.map((instance) => instance.kill()));
      faults.stop();
      load.askOf([]);
    }

    await using last = world.start();
    await last.listening;
    const recovering = performance.now();
    const settled = await world.settle();
    assert.deepEqual(await world.broken(true), [], `in the end, seed ${seed}:\n${last.output()}`);
    assert.ok(settled);
    const recovered = performance.now() - recovering;
    const evidence = await world.evidence(true);
    const deletions = evidence.arrivals.filter(({ clientToken }) => clientToken !== null);
    assert.ok(
      evidence.effects.length > rounds / 4,
      `hardly anything was deleted: ${tally(evidence.exchanges)}`,
    );
    assert.ok(deletions.every(({ witnessed }) => witnessed?.kind === 'intent'));
    const byState = Object.entries(Object.groupBy(evidence.operations, ({ state }) => state));
    t.diagnostic(
      [
        `${rounds} kills in ${Math.round((performance.now() - began) / 1000)} s`,
        `${evidence.exchanges.length} requests, ${evidence.exchanges.filter(({ answer }) => answer === null).length} of them unanswered`,
        `${evidence.operations.length} operations (${byState.map(([state, all]) => `${all?.length} ${state}`).join(', ')})`,
        `${deletions.length} deletions sent, ${evidence.effects.filter(({ effect }) => effect === 'deleted').length} effects`,
        `${evidence.records.filter(({ stage, kind }) => stage === 'recovery' && kind === 'decision').length} decisions of recovery`,
        `all at an end ${Math.round(recovered)} ms after the last start`,
      ].join('; '),
    );
  });
}

/** How many requests had which answer. */
function tally(exchanges: readonly Exchange[]): string {
  const answers = Object.groupBy(exchanges, ({ answer }) =>
    answer === null ? 'none' : `${answer.status} ${answer.body.code ?? answer.body.state}`,
  );
  return Object.entries(answers)
    .map(([answer, all]) => `${all?.length} × ${answer}`)
    .join(', ');
}
