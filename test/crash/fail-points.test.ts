import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { FailPoint } from '../../src/fail-point.ts';
import { startCallers } from './callers.ts';
import { bothDatabases } from './databases.ts';
import { randomFrom } from './random.ts';
import { crashSettings } from './settings.ts';
import { openWorld, type World } from './world.ts';

/** Every fail point, and whether a request passes it or recovery does. */
const points = {
  'intent-before-commit': 'request',
  'intent-durable': 'request',
  'call-before-write': 'request',
  'call-answered': 'request',
  'outcome-before-commit': 'request',
  'outcome-durable': 'request',
  'answer-before-send': 'request',
  'recovery-claimed': 'recovery',
  'recovery-decided': 'recovery',
  'recovery-before-send': 'recovery',
  'recovery-answered': 'recovery',
  'recovery-recorded': 'recovery',
} as const satisfies Record<FailPoint, 'request' | 'recovery'>;

/** How long is waited for a fail point, far longer than it takes; only so that one that nobody passes fails. */
const reachPatienceMs = 90_000;

// They wait far more than they work.
const concurrency = 4;

for (const database of bothDatabases()) {
  describe(`on ${database.name}`, { concurrency, skip: database.skip }, () => {
    for (const [name, passedBy] of Object.entries(points)) {
      test(`killed at ${name}: deleted once, and told so`, {
        skip: database.skip,
      }, async () => {
        await using world = await openWorld({
          databaseUrl: await database.create(),
          settings: crashSettings,
          deletingMs: 300,
          defect: [],
        });
        const asking = { resourceId: world.cloud.addGateway(), key: randomUUID(), subject: 'caller' };
        if (passedBy === 'recovery') {
          await using leaving = world.start({ name: 'intent-durable', times: 1 });
          await world.ask(leaving, asking);
          await reached(leaving, 'intent-durable');
        }
        {
          await using dying = world.start({ name, times: 1 });
          if (passedBy === 'request') await world.ask(dying, asking);
          await reached(dying, name);
        }
        assert.deepEqual(await world.broken(false), [], 'after the kill');

        await using last = world.start();
        const state = await finalAnswer(world, () => world.ask(last, asking));
        assert.ok(await world.settle());
        assert.deepEqual(await world.broken(true), [], last.output());
        assert.ok(state === 'accepted' || state === 'gone', `the caller was told ${state}`);
        assert.deepEqual(
          world.cloud.effects
            .filter(({ effect }) => effect === 'deleted')
            .map(({ resourceId }) => resourceId),
          [asking.resourceId],
        );
      });
    }

    for (const name of Object.keys(points).filter((point) => !point.startsWith('recovery-'))) {
      test(`killed at ${name} among other deletions`, {
        skip: database.skip,
      }, async () => {
        await using world = await openWorld({
          databaseUrl: await database.create(),
          settings: crashSettings,
          deletingMs: 300,
          defect: [],
        });
        {
          await using load = startCallers(world, 6, randomFrom(11));
          await using dying = world.start({ name, times: 9 });
          await dying.listening;
          load.askOf([dying]);
          await reached(dying, name);
          load.askOf([]);
        }
        await using last = world.start();
        await last.listening;
        assert.ok(await world.settle());
        assert.deepEqual(await world.broken(true), [], last.output());
      });
    }
  });
}

async function reached(
  {
    ended,
    output,
  }: { ended: Promise<{ atFailPoint: boolean; signal: string | null }>; output: () => string },
  name: string,
): Promise<void> {
  const gaveUp = new AbortController();
  const outcome = await Promise.race([
    ended,
    delay(reachPatienceMs, null, { signal: gaveUp.signal }).catch(() => null),
  ]);
  gaveUp.abort();
  assert.ok(outcome?.atFailPoint, `the fail point ${name} was never reached:\n${output()}`);
  assert.equal(outcome.signal, 'SIGKILL');
}

/** What the caller hears in the end when it goes on asking with its key. */
async function finalAnswer(world: World, ask: () => ReturnType<World['ask']>): Promise<string | null> {
  const deadline = performance.now() + reachPatienceMs;
  for (;;) {
    const { answer } = await ask();
    const state = answer?.body.state ?? null;
    if (answer !== null && answer.status < 300 && state !== 'unknown' && state !== 'sending') return state;
    if (performance.now() > deadline) return `${answer?.status} ${answer?.body.code ?? state}, in vain`;
    await delay(100);
    if (world.exchanges.length > 5_000) throw new Error('It was asked too often.');
  }
}
