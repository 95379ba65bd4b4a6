import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { sentBeforeDurable } from './durable-order.ts';
import { tracedSettings } from './settings.ts';
import { attachStrace, straceMissing } from './strace.ts';
import { newAsking, traceDeletion, wholeTrace } from './traced-deletion.ts';
import { openWorld, type World } from './world.ts';

const skip = straceMissing();
const files = ['pwrite64', 'fdatasync', 'fsync', 'ftruncate'] as const;
const all = [...files, 'write', 'writev', 'sendto', 'sendmsg'] as const;
/** The system calls that each way of breaking them can meet: the others have no disk behind them. */
const ways = [
  { name: 'KILL', inject: 'signal=KILL', calls: all },
  { name: 'EIO', inject: 'error=EIO', calls: files },
  { name: 'ENOSPC', inject: 'error=ENOSPC', calls: files },
] as const;

/** Little happens in the background, so that the same deletion makes the same calls nearly every time. */
const recovery = { intervalMs: 1_500, lookEveryMs: 60_000, attentionAfterMs: 30_000 };
const settings = { ...tracedSettings, recovery };
const quiet = { databaseUrl: null, settings, deletingMs: 300, defect: [] };

test('each deletion is on the disk before it leaves, and each outcome before it is told', {
  skip,
}, async () => {
  await using world = await openWorld(quiet);
  const lines = await traceDeletion(world, wholeTrace);
  assert.deepEqual(sentBeforeDurable(lines), []);
});

for (const { name, inject, calls } of ways) {
  test(`${name} at each write and sync of a deletion, on SQLite`, { skip }, async (t) => {
    await using world = await openWorld(quiet);
    const lines = await traceDeletion(world, ['-e', `trace=${calls.join(',')}`]);
    let injected = 0;
    for (const call of calls) {
      const most = mostOfOneThread(lines, call);
      for (let when = 1; when <= most; when += 1) {
        injected += Number(await breakOne(world, `${call}:${inject}:when=${when}`));
        assert.deepEqual(await world.broken(false), [], `${name} at ${call} ${when}`);
      }
    }
    await using last = world.start();
    await last.listening;
    assert.ok(await world.settle());
    assert.deepEqual(await world.broken(true), [], last.output());
    assert.ok(injected >= 6, `only ${injected} calls were broken`);
    t.diagnostic(`${injected} calls broken; ${world.cloud.effects.length} effects`);
  });
}

/** One deletion of a new process with one broken call, until its end or its answer. Returns whether the call was met. */
async function breakOne(world: World, injection: string): Promise<boolean> {
  await using gateway = world.start();
  await gateway.listening;
  await world.ask(gateway, newAsking(world));
  const options = ['-e', `inject=${injection}`, '-e', `trace=${injection.split(':')[0]}`];
  await using trace = await attachStrace(gateway.pid, join(world.stateDir, 'trace'), options);
  const one = newAsking(world);
  await world.ask(gateway, one);
  await trace.detach();
  const met = trace.lines().some((line) => line.includes('INJECTED') || line.includes('killed by SIGKILL'));
  // The disk is well again: the caller asks what became of it.
  if (gateway.alive()) await world.ask(gateway, one);
  return met;
}

/** strace counts the calls of each thread apart. */
function mostOfOneThread(lines: readonly string[], call: string): number {
  const counts = new Map<string, number>();
  for (const line of lines) {
    const [, thread = '', name] = /^(\d+) +(\w+)\(/.exec(line) ?? [];
    if (name === call) counts.set(thread, (counts.get(thread) ?? 0) + 1);
  }
  return Math.max(0, ...counts.values());
}
