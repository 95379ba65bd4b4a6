import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startPostgres, withoutPostgres } from '../support/postgres.ts';
import { startCallers } from './callers.ts';
import { seedOfRun } from './flags.ts';
import { randomFrom } from './random.ts';
import { startFaults } from './random-faults.ts';
import { crashSettings } from './settings.ts';
import { openWorld } from './world.ts';

const seed = seedOfRun();
const { leaseMs } = crashSettings.ledger;
/** Recovery asks for work this often, and has other work besides. */
const takeOverSlackMs = 3_000;

test('three instances on one PostgreSQL: one is killed, one sleeps beyond its lease, the cloud fails one call in five', {
  skip: withoutPostgres(),
}, async (t) => {
  t.diagnostic(`CRASH_SEED=${seed} replays the choices`);
  await using server = await startPostgres();
  const databaseUrl = await server.createDatabase();
  await using world = await openWorld({ databaseUrl, settings: crashSettings, deletingMs: 400, defect: [] });
  await using stack = new AsyncDisposableStack();
  const [doomed, sleeper, steady] = [world.start(), world.start(), world.start()].map((one) =>
    stack.use(one),
  );
  assert.ok(doomed !== undefined && sleeper !== undefined && steady !== undefined);
  const instances = [doomed, sleeper, steady];
  await Promise.all(instances.map(({ listening }) => listening));
  const faults = startFaults(world.cloud.emulator, randomFrom(seed + 1), 0.2);
  {
    await using load = startCallers(world, 9, randomFrom(seed + 2));
    load.askOf(instances);
    await delay(2_000);
    await doomed.kill();
    sleeper.send('SIGSTOP');
    // What these two held is taken up by the third one while they cannot.
    await delay(leaseMs + takeOverSlackMs);
    sleeper.send('SIGCONT');
    await delay(2_000);
    faults.stop();
    load.askOf([]);
  }
  const settled = await world.settle();
  assert.deepEqual(await world.broken(true), [], `seed ${seed}:\n${steady.output()}`);
  assert.ok(settled);
  const { operations, effects: met, exchanges, records } = await world.evidence(true);
  const effects = met.filter(({ effect }) => effect === 'deleted');
  assert.ok(effects.length > 20, `hardly anything was deleted: ${effects.length}`);
  t.diagnostic(
    `${exchanges.length} requests, ${operations.length} operations, ${effects.length} effects, ` +
      `${records.filter(({ stage }) => stage === 'recovery').length} records of recovery`,
  );

  const stopped = await world.request(sleeper, 'POST', '/v1/guard:stop?reason=test', ['operator']);
  assert.equal(stopped.status, 200);
  const refused = await world.ask(steady, {
    resourceId: world.cloud.addGateway(),
    key: null,
    subject: 'late',
  });
  assert.equal(refused.answer?.body.code, 'DELETIONS_STOPPED', 'stopped on one, stopped on all');
});

test('what a killed instance held is taken over when its lease has ended', {
  skip: withoutPostgres(),
}, async (t) => {
  await using server = await startPostgres();
  const databaseUrl = await server.createDatabase();
  await using world = await openWorld({ databaseUrl, settings: crashSettings, deletingMs: 400, defect: [] });
  await using other = world.start();
  await using doomed = world.start({ name: 'call-answered', times: 1 });
  await Promise.all([other.listening, doomed.listening]);
  await world.ask(doomed, { resourceId: world.cloud.addGateway(), key: null, subject: 'caller' });
  await doomed.ended;
  const ended = performance.now();
  while ((await world.reader.countUnfinished()) > 0) {
    assert.ok(performance.now() - ended < leaseMs + takeOverSlackMs, 'taken over within the lease');
    await delay(50);
  }
  assert.deepEqual(await world.broken(true), []);
  t.diagnostic(`taken over after ${Math.round(performance.now() - ended)} ms, with a lease of ${leaseMs} ms`);
});
