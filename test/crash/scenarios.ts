import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConfigInput } from '../../src/config.ts';
import type { FaultInput } from '../../src/emulator/faults.ts';
import { until } from '../support/observe.ts';
import type { PostgresServer } from '../support/postgres.ts';
import { sentBeforeDurable } from './durable-order.ts';
import { regionId } from './observed-cloud.ts';
import { crashSettings, tracedSettings } from './settings.ts';
import { attachStrace } from './strace.ts';
import { newAsking, traceDeletion, wholeTrace } from './traced-deletion.ts';
import type { World } from './world.ts';

/** A course of events with a crash in it, whose end is checked. Resolves with what is broken. */
export type Scenario = {
  database: 'SQLite' | 'PostgreSQL';
  needsStrace: boolean;
  settings: Partial<ConfigInput>;
  run(world: World, server: PostgresServer | null): Promise<string[]>;
};

const action = 'DeleteEnhancedVpnGateway';
const hang = { kind: 'hang', action } as const satisfies Partial<FaultInput>;
const onSqlite = { database: 'SQLite', needsStrace: false, settings: crashSettings } as const;
const underStrace = { database: 'SQLite', needsStrace: true, settings: tracedSettings } as const;
const onPostgresql = { database: 'PostgreSQL', needsStrace: false, settings: crashSettings } as const;

function sent(world: World): number {
  return world.cloud.arrivals.filter((arrival) => arrival.action === action).length;
}

/** Starts a last gateway and lets everything come to its end. */
async function inTheEnd(world: World): Promise<string[]> {
  await using last = world.start();
  await last.listening;
  await world.settle();
  return await world.broken(true);
}

/** Killed when the intent was durable and nothing was sent; then `meanwhile`, and a new process recovers. */
async function leftUnsent(world: World, meanwhile: (resourceId: string) => Promise<void>): Promise<string[]> {
  const asking = newAsking(world);
  {
    await using dying = world.start({ name: 'intent-durable', times: 1 });
    await world.ask(dying, asking);
    await dying.ended;
  }
  await meanwhile(asking.resourceId);
  return await inTheEnd(world);
}

export const scenarios = {
  'one deletion, its gateway killed afterwards': {
    ...onSqlite,
    async run(world) {
      await using gateway = world.start();
      await world.ask(gateway, newAsking(world));
      await gateway.kill();
      return await inTheEnd(world);
    },
  },

  'a call that the cloud answers at the second attempt only': {
    ...onSqlite,
    async run(world) {
      world.cloud.emulator.faults.add({ kind: 'error', action, status: 503, code: 'ServiceUnavailable' });
      await using gateway = world.start();
      await world.ask(gateway, newAsking(world));
      await gateway.kill();
      return await inTheEnd(world);
    },
  },

  'a call that took effect, and was never answered': {
    ...onSqlite,
    async run(world) {
      const { faults } = world.cloud.emulator;
      faults.add({ kind: 'reset', action, when: 'after', count: 1_000 });
      await using gateway = world.start();
      const asked = world.ask(gateway, newAsking(world));
      await until(() => sent(world) > 0);
      const look = { action: 'DescribeVpnGateway', status: 503, code: 'ServiceUnavailable' } as const;
      faults.add({ kind: 'error', ...look, count: 1_000 });
      await asked;
      faults.clear();
      await gateway.kill();
      return await inTheEnd(world);
    },
  },

  'killed before anything was sent': {
    ...onSqlite,
    run: (world) => leftUnsent(world, async () => undefined),
  },

  'killed before anything was sent, and protected since': {
    ...onSqlite,
    run: (world) =>
      leftUnsent(world, async (resourceId) => {
        const { cloud } = world.cloud.emulator;
        const gateway = cloud.gateway(regionId, resourceId);
        if (gateway === null) throw new Error('The gateway is gone.');
        cloud.change(gateway, { tags: [...gateway.tags, { key: 'protected', value: 'true' }] });
        const why = 'policy protects the gateway';
        world.forbidden.push({ resourceId, fromMs: Date.now(), untilMs: Number.POSITIVE_INFINITY, why });
      }),
  },

  'killed before anything was sent, for longer than the token is trusted': {
    ...onSqlite,
    settings: { ...crashSettings, ledger: { ...crashSettings.ledger, clientTokenTrustMs: 1_000 } },
    run: (world) => leftUnsent(world, () => delay(3_000)),
  },

  'deletions stopped during a call, and its gateway killed': {
    ...onSqlite,
    async run(world) {
      world.cloud.emulator.faults.add({ ...hang, when: 'before', count: 1 });
      await using gateway = world.start();
      const asked = world.ask(gateway, newAsking(world));
      await until(() => sent(world) > 0);
      const stop = await world.request(gateway, 'POST', '/v1/guard:stop?reason=crash+test', ['operator']);
      if (stop.status !== 200) throw new Error(`The stop was answered with ${stop.status}.`);
      const why = 'deletions were stopped';
      world.forbidden.push({ resourceId: null, fromMs: Date.now(), untilMs: Number.POSITIVE_INFINITY, why });
      await gateway.kill();
      await asked;
      return await inTheEnd(world);
    },
  },

  'two callers at the same gateway': {
    ...onSqlite,
    async run(world) {
      await using gateway = world.start();
      const { resourceId } = newAsking(world);
      await Promise.all(
        ['one', 'another'].map((subject) => world.ask(gateway, { resourceId, key: null, subject })),
      );
      await gateway.kill();
      return await inTheEnd(world);
    },
  },

  'a key that is sent again when all is over': {
    ...onSqlite,
    async run(world) {
      const asking = newAsking(world);
      {
        await using gateway = world.start();
        await world.ask(gateway, asking);
        await gateway.kill();
      }
      await until(() => world.cloud.emulator.cloud.gateway(regionId, asking.resourceId) === null);
      await using gateway = world.start();
      await world.ask(gateway, asking);
      await gateway.kill();
      return await inTheEnd(world);
    },
  },

  'one deletion under strace': {
    ...underStrace,
    run: async (world) => sentBeforeDurable(await traceDeletion(world, wholeTrace)),
  },

  'a disk that fails every sync': {
    ...underStrace,
    async run(world) {
      await using gateway = world.start();
      await world.ask(gateway, newAsking(world));
      const options = ['-e', 'inject=fsync,fdatasync:error=EIO', '-e', 'trace=fsync,fdatasync'];
      await using trace = await attachStrace(gateway.pid, join(world.stateDir, 'trace'), options);
      await world.ask(gateway, newAsking(world));
      await trace.detach();
      await gateway.kill();
      return await inTheEnd(world);
    },
  },

  'a call under way in one of two processes': {
    ...onPostgresql,
    async run(world) {
      world.cloud.emulator.faults.add({ ...hang, when: 'before', count: 1 });
      await using first = world.start();
      await using second = world.start();
      await second.listening;
      await world.ask(first, newAsking(world));
      await world.settle();
      return await world.broken(true);
    },
  },

  'a process that is paused in its call, and wakes when another has taken over': {
    ...onPostgresql,
    async run(world) {
      const { faults } = world.cloud.emulator;
      faults.add({ ...hang, when: 'before', count: 1 });
      faults.add({ ...hang, when: 'after', count: 1 });
      await using paused = world.start();
      const asked = world.ask(paused, newAsking(world));
      await until(() => sent(world) === 1);
      paused.send('SIGSTOP');
      await using other = world.start();
      await other.listening;
      await until(() => sent(world) === 2);
      paused.send('SIGCONT');
      await asked;
      await world.settle();
      return await world.broken(true);
    },
  },

  'PostgreSQL killed as soon as a deletion took effect': {
    ...onPostgresql,
    async run(world, server) {
      for (let round = 1; round <= 5; round += 1) {
        await using gateway = world.start();
        const before = world.cloud.effects.length;
        const asked = world.ask(gateway, newAsking(world));
        await until(() => world.cloud.effects.length > before);
        await server?.kill();
        await asked;
        await gateway.kill();
        await server?.restart();
        const broken = await world.broken(false);
        if (broken.length > 0) return broken;
      }
      return await inTheEnd(world);
    },
  },
} as const satisfies Record<string, Scenario>;

export type ScenarioName = keyof typeof scenarios;
