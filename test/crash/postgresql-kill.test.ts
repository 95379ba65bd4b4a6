import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startPostgres, withoutPostgres } from '../support/postgres.ts';
import { startCallers } from './callers.ts';
import { flag, seedOfRun } from './flags.ts';
import { randomFrom } from './random.ts';
import { startFaults } from './random-faults.ts';
import { crashSettings } from './settings.ts';
import { openWorld } from './world.ts';

const rounds = flag('CRASH_DATABASE_ROUNDS', 12);
const seed = seedOfRun();

for (const gatewayToo of [false, true]) {
  const who = gatewayToo ? 'PostgreSQL and the gateway are' : 'PostgreSQL is';
  test(`${who} killed ${rounds} times under load`, { skip: withoutPostgres() }, async (t) => {
    t.diagnostic(`CRASH_SEED=${seed} replays the moments`);
    await using server = await startPostgres();
    const databaseUrl = await server.createDatabase();
    await using world = await openWorld({
      databaseUrl,
      settings: crashSettings,
      deletingMs: 400,
      defect: [],
    });
    await using stack = new AsyncDisposableStack();
    const moments = randomFrom(seed);
    const faults = startFaults(world.cloud.emulator, randomFrom(seed + 1), 0.1);
    let gateway = stack.use(world.start());
    {
      await using load = startCallers(world, 6, randomFrom(seed + 2));
      for (let round = 1; round <= rounds; round += 1) {
        await gateway.listening;
        load.askOf([gateway]);
        await delay(moments.between(100, 700));
        const gone = gatewayToo && moments.chance(0.5) ? gateway.kill() : null;
        await server.kill();
        await gone;
        if (gatewayToo) await gateway.kill();
        // The gateway that lives goes on asking a database that is not there.
        else await delay(moments.between(0, 300));
        await server.restart();
        if (gatewayToo) gateway = stack.use(world.start());
      }
      await delay(500);
      faults.stop();
      load.askOf([]);
    }
    assert.ok(gateway.alive(), `the gateway ended:\n${gateway.output()}`);
    const settled = await world.settle();
    assert.deepEqual(await world.broken(true), [], `seed ${seed}:\n${gateway.output()}`);
    assert.ok(settled);
    const { effects, exchanges } = await world.evidence(true);
    assert.ok(effects.length > rounds, `hardly anything was deleted: ${effects.length}`);
    t.diagnostic(`${rounds} kills; ${exchanges.length} requests; ${effects.length} effects`);
  });
}
