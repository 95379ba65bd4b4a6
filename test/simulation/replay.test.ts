import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openSimulatedDatabase } from './database.ts';
import { scenarios } from './explore.ts';
import { exploreInWorker } from './in-worker.ts';
import { simulate } from './simulate.ts';

test('a run happens in the same way again', async () => {
  const database = await openSimulatedDatabase();
  const traceOf = async (scenario: Parameters<typeof simulate>[1]) => {
    const lines: string[] = [];
    await simulate(database, scenario, (line) => lines.push(line));
    return lines;
  };
  for (const scenario of fc.sample(scenarios, { numRuns: 200, seed: 4 })) {
    assert.deepEqual(await traceOf(scenario), await traceOf(scenario));
  }
});

test('a run that broke a promise is found again by its seed and path, smaller than it was', async () => {
  const replacements = [
    {
      file: 'src/ledger/claims.ts',
      find: ".where('lease_until', '<=', at)",
      replace: '',
    },
  ];
  const exploration = { seed: 7, seeds: 1_000, path: null, shrinks: true };
  const { finding } = await exploreInWorker({ exploration, replacements });
  assert.ok(finding !== null);
  const again = await exploreInWorker({
    exploration: { seed: finding.seed, seeds: 1, path: finding.path, shrinks: false },
    replacements,
  });
  assert.equal(again.tally.runs, 1);
  assert.deepEqual(again.finding?.trace, finding.trace);
  assert.match(finding.trace.at(-1) ?? '', /BROKEN: op1 was taken up .* before its lease was over/);
});
