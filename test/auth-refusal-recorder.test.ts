import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRefusalRecorder, type RefusalSummary } from '../src/auth/refusal-recorder.ts';

const minuteStart = 29_666_667 * 60_000;

function setUp(limits = { perSource: 2, overall: 3 }) {
  const clock = { ms: minuteStart };
  const summaries: RefusalSummary[] = [];
  const store = { fails: false };
  const recorder = createRefusalRecorder({
    limits,
    now: () => clock.ms,
    onSummary: async (summary) => {
      if (store.fails) throw new Error('The disk is full.');
      summaries.push(summary);
    },
    onDeliveryFailed: () => assert.fail('the timer must not come into it'),
  });
  return { clock, summaries, store, recorder };
}

const expired = (source: string) => ({ source, reason: 'EXPIRED' as const });

test('a source gets so many records of its own, and all sources together so many', () => {
  const { recorder } = setUp();
  const answers = ['a', 'a', 'a', 'b', 'b', 'c'].map((source) => recorder.admit(expired(source)));
  assert.deepEqual(answers, ['record', 'record', 'counted', 'record', 'counted', 'counted']);
});

test('the addresses of one /64 share their records', () => {
  const { recorder } = setUp({ perSource: 1, overall: 10 });
  assert.equal(recorder.admit(expired('2001:db8::1')), 'record');
  assert.equal(recorder.admit(expired('2001:db8::2')), 'counted');
});

test('each minute begins anew', () => {
  const { recorder, clock } = setUp({ perSource: 1, overall: 1 });
  assert.equal(recorder.admit(expired('a')), 'record');
  clock.ms += 59_999;
  assert.equal(recorder.admit(expired('a')), 'counted');
  clock.ms += 1;
  assert.equal(recorder.admit(expired('a')), 'record');
});

test('what was counted becomes one summary when its minute is over', async () => {
  const { recorder, clock, summaries } = setUp({ perSource: 0, overall: 0 });
  for (const source of ['a', 'b', 'a']) recorder.admit(expired(source));
  clock.ms += 59_999;
  recorder.admit({ source: 'c', reason: 'TOO_MANY_FAILED_AUTHENTICATIONS' });
  await recorder.deliverDue();
  assert.deepEqual(summaries, [], 'the minute is not over');
  clock.ms += 1;
  await recorder.deliverDue();
  await recorder.deliverDue();
  assert.deepEqual(summaries, [
    {
      fromMs: minuteStart,
      toMs: minuteStart + 59_999,
      count: 4,
      byReason: { EXPIRED: 3, TOO_MANY_FAILED_AUTHENTICATIONS: 1 },
      topSources: [
        { source: 'a', count: 2 },
        { source: 'b', count: 1 },
        { source: 'c', count: 1 },
      ],
      elsewhere: 0,
    },
  ]);
});

test('a minute in which everything was recorded has no summary', async () => {
  const { recorder, clock, summaries } = setUp();
  recorder.admit(expired('a'));
  clock.ms += 60_000;
  await recorder.deliverDue();
  assert.deepEqual(summaries, []);
});

test('a summary holds one minute, although it is delivered in the next', async () => {
  const { recorder, clock, summaries } = setUp({ perSource: 0, overall: 0 });
  recorder.admit(expired('a'));
  clock.ms += 60_000;
  recorder.admit(expired('b'));
  await recorder.deliverDue();
  assert.deepEqual(
    summaries.map(({ count, toMs }) => [count, toMs]),
    [[1, minuteStart]],
  );
});

test('a flood from many sources stays one bounded summary, and nothing is lost in it', async () => {
  const { recorder, clock, summaries } = setUp({ perSource: 0, overall: 0 });
  for (let n = 0; n < 20_000; n++) recorder.admit(expired(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`));
  for (let n = 0; n < 7; n++) recorder.admit(expired('10.0.0.9'));
  clock.ms += 60_000;
  await recorder.deliverDue();
  const [summary, ...others] = summaries;
  assert.deepEqual(others, []);
  assert.equal(summary?.count, 20_007);
  assert.deepEqual(summary?.byReason, { EXPIRED: 20_007 });
  assert.equal(summary?.topSources.length, 5);
  assert.deepEqual(summary?.topSources[0], { source: '10.0.0.9', count: 8 });
  assert.equal(summary?.elsewhere, 20_007 - 8 - 4);
});

test('a summary that cannot be delivered is kept and joined with the next', async () => {
  const { recorder, clock, summaries, store } = setUp({ perSource: 0, overall: 0 });
  recorder.admit(expired('a'));
  store.fails = true;
  clock.ms += 60_000;
  await assert.rejects(recorder.deliverDue(), /disk is full/);
  recorder.admit({ source: 'a', reason: 'TOO_OLD' });
  clock.ms += 60_000;
  await assert.rejects(recorder.deliverDue(), /disk is full/);
  store.fails = false;
  await recorder.deliverDue();
  assert.deepEqual(summaries, [
    {
      fromMs: minuteStart,
      toMs: minuteStart + 60_000,
      count: 2,
      byReason: { EXPIRED: 1, TOO_OLD: 1 },
      topSources: [{ source: 'a', count: 2 }],
      elsewhere: 0,
    },
  ]);
});

test('closing delivers the unfinished minute', async () => {
  const { recorder, summaries } = setUp({ perSource: 0, overall: 0 });
  recorder.admit(expired('a'));
  await recorder[Symbol.asyncDispose]();
  assert.deepEqual(
    summaries.map(({ count }) => count),
    [1],
  );
});
