import { randomUUID } from 'node:crypto';
import type { Exchange } from './evidence.ts';
import type { Instance } from './instance.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

/** Callers that go on for as long as the test does, over the deaths of the gateways that they ask. */
export type Callers = AsyncDisposable & {
  /** From now on they ask these; with none they wait. */
  askOf(instances: readonly Instance[]): void;
};

/** How often one request is asked again before its caller gives up on it. */
const maxTries = 4;
const subjects = 3;

/**
 * Starts `count` callers. Each deletes gateway after gateway, now and then one that another caller is deleting, half of
 * them with an Idempotency-Key, asks again with the same key or without one when no answer came, and repeats some
 * requests that were answered.
 */
export function startCallers(world: World, count: number, random: Random): Callers {
  let instances: readonly Instance[] = [];
  let changed = Promise.withResolvers<void>();
  let stopped = false;
  const recent: string[] = [];

  async function someInstance(): Promise<Instance | null> {
    for (;;) {
      if (stopped) return null;
      const alive = instances.filter((instance) => instance.alive());
      const chosen = alive[random.below(alive.length)];
      if (chosen !== undefined) return chosen;
      await changed.promise;
    }
  }

  function resource(): string {
    const other = recent[random.below(recent.length)];
    if (other !== undefined && random.chance(0.2)) return other;
    const id = world.cloud.addGateway();
    recent.push(id);
    if (recent.length > count) recent.shift();
    return id;
  }

  async function deleteOne(subject: string): Promise<void> {
    const asking = { resourceId: resource(), key: random.chance(0.5) ? randomUUID() : null, subject };
    for (let tries = 0; tries < maxTries; tries += 1) {
      const instance = await someInstance();
      if (instance === null) return;
      if (isAnswered(await world.ask(instance, asking)) && !random.chance(0.1)) return;
    }
  }

  async function call(subject: string): Promise<void> {
    while (!stopped) await deleteOne(subject);
  }

  const running = Array.from({ length: count }, (_, index) => call(`caller-${index % subjects}`));
  const wake = (): void => {
    changed.resolve();
    changed = Promise.withResolvers<void>();
  };
  return {
    askOf(asked) {
      instances = asked;
      wake();
    },
    async [Symbol.asyncDispose]() {
      stopped = true;
      wake();
      await Promise.all(running);
    },
  };
}

/** Whether the caller has what it wanted, or was refused for good. */
function isAnswered({ answer }: Exchange): boolean {
  return answer !== null && answer.status < 500 && answer.status !== 409 && answer.status !== 429;
}
