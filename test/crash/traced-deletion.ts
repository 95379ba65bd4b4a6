import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { attachStrace } from './strace.ts';
import type { Asking, World } from './world.ts';

/** Asks for the deletion of a new gateway, with a new key. */
export function newAsking(world: World): Asking {
  return { resourceId: world.cloud.addGateway(), key: randomUUID(), subject: 'caller' };
}

/** The lines of one whole deletion, with every call of it that `options` name. */
export async function traceDeletion(world: World, options: readonly string[]): Promise<string[]> {
  await using gateway = world.start();
  // The first deletion of a process makes calls that no other makes.
  await world.ask(gateway, newAsking(world));
  await using trace = await attachStrace(gateway.pid, join(world.stateDir, 'trace'), options);
  const { answer } = await world.ask(gateway, newAsking(world));
  assert.equal(answer?.status, 200, gateway.output());
  await trace.detach();
  return trace.lines();
}

/** What a trace must hold for `sentBeforeDurable`: writes and syncs of files, and what goes to sockets. */
export const wholeTrace = [
  '-y',
  '-s',
  '700',
  '-e',
  'trace=pwrite64,fdatasync,fsync,write,writev,sendto,sendmsg',
];
