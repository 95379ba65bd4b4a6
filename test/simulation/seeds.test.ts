import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { explore, type Finding } from './explore.ts';
import { exploreInWorker } from './in-worker.ts';

const seeds = numberFrom('SIMULATION_SEEDS', 100_000);
const seed = numberFrom('SIMULATION_SEED', 4);
const path = process.env.SIMULATION_PATH ?? null;

if (path === null) {
  test(`no promise is broken in ${seeds} simulated runs`, async (t) => {
    const workers = Math.min(availableParallelism(), 4);
    const startedAt = performance.now();
    const explored = await Promise.all(
      Array.from({ length: workers }, (_, index) =>
        exploreInWorker({
          exploration: {
            seed: seed + index,
            seeds: Math.ceil(seeds / workers),
            path: null,
            shrinks: true,
          },
          replacements: [],
        }),
      ),
    );
    const seconds = (performance.now() - startedAt) / 1_000;
    for (const { tally } of explored) t.diagnostic(JSON.stringify(tally));
    t.diagnostic(`${Math.round(seeds / seconds)} runs a second`);
    const finding = explored.find((one) => one.finding !== null)?.finding ?? null;
    assert.equal(finding, null, finding === null ? '' : report(finding));
  });
} else {
  test(`no promise is broken in the run ${path} of seed ${seed}`, async () => {
    const { finding } = await explore({ seed, seeds: 1, path, shrinks: false });
    assert.equal(finding, null, finding === null ? '' : report(finding));
  });
}

function report({ seed: failing, path: at, violations, trace }: Finding): string {
  return [
    'A promise was broken:',
    ...violations.map((sentence) => `  ${sentence}`),
    'All that happened:',
    ...trace.map((line) => `  ${line}`),
    'Run it again:',
    `  SIMULATION_SEED=${failing} SIMULATION_PATH=${at} npm run test:simulation`,
  ].join('\n');
}

function numberFrom(name: string, otherwise: number): number {
  const text = process.env[name] ?? '';
  if (text === '') return otherwise;
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new Error(`${name} is ${JSON.stringify(text)}; give a positive integer.`);
  return Number(text);
}
