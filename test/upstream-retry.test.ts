import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { systemPace, waitBefore } from '../src/upstream/retry.ts';

const backoff = { baseMs: 250, maxMs: 4_000, leastAttemptMs: 250 };
const paceAt = (nowMs: number, random: number) => ({ ...systemPace, now: () => nowMs, random: () => random });
const chance = fc.double({ min: 0, max: 0.999_999, noNaN: true });

test('the wait is any time up to the exponential step, which has a ceiling', () => {
  const longest = (attempt: number) => waitBefore(attempt, null, 1e9, backoff, paceAt(0, 0.999_999));
  assert.deepEqual([1, 2, 3, 4, 5, 6, 40].map(longest), [249, 499, 999, 1_999, 3_999, 3_999, 3_999]);
  assert.equal(waitBefore(9, null, 1e9, backoff, paceAt(0, 0)), 0);
});

test('what the cloud asks for is always waited in full, and no attempt begins without time for it', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60 }),
      fc.option(fc.integer({ min: 0, max: 100_000 })),
      fc.integer({ min: 0, max: 30_000 }),
      chance,
      (attempt, floorMs, leftMs, random) => {
        const wait = waitBefore(attempt, floorMs, 1_000 + leftMs, backoff, paceAt(1_000, random));
        if (wait === null) return;
        assert.ok(wait >= (floorMs ?? 0));
        assert.ok(wait < (floorMs ?? 0) + backoff.maxMs);
        assert.ok(wait + backoff.leastAttemptMs <= leftMs);
      },
    ),
  );
});

test('a floor beyond the deadline ends the attempts', () => {
  assert.equal(waitBefore(1, 5_000, 5_000, backoff, paceAt(0, 0)), null);
  assert.equal(waitBefore(1, 4_750, 5_000, backoff, paceAt(0, 0)), 4_750);
});

test('sleeping ends when the signal aborts, and does not reject', async () => {
  const stop = new AbortController();
  const sleeping = systemPace.sleep(60_000, stop.signal);
  stop.abort();
  await sleeping;
  await systemPace.sleep(60_000, stop.signal);
});
