import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startPostgres, withoutPostgres } from '../support/postgres.ts';
import type { Replacement } from './instance.ts';
import { type Scenario, type ScenarioName, scenarios } from './scenarios.ts';
import { defects } from './seeded-defects.ts';
import { straceMissing } from './strace.ts';
import { openWorld } from './world.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const noStrace = straceMissing();
// They wait far more than they work.
const concurrency = 3;

describe('without a defect nothing is broken', { concurrency }, () => {
  for (const [name, scenario] of Object.entries(scenarios)) {
    test(name, { skip: reasonToSkip(scenario) }, async () => {
      assert.deepEqual(await run(scenario, []), []);
    });
  }
});

describe('the checker finds each defect', { concurrency }, () => {
  for (const { name, changes, scenario, found } of defects) {
    test(name, { skip: reasonToSkip(scenarios[scenario]) }, async () => {
      for (const { file, find } of changes) {
        const occurrences = readFileSync(`${root}${file}`, 'utf8').split(find).length - 1;
        assert.equal(occurrences, 1, `${file} holds ${occurrences} times: ${find}`);
      }
      const broken = await run(scenarios[scenario], changes);
      assert.ok(
        broken.some((sentence) => found.test(sentence)),
        `not found by ${found}, but: ${broken.join('\n') || 'nothing'}`,
      );
    });
  }
});

test('every course of events shows a defect', () => {
  const used = new Set<ScenarioName>(defects.map(({ scenario }) => scenario));
  assert.deepEqual(
    Object.keys(scenarios).filter((name) => !used.has(name as ScenarioName)),
    [],
  );
});

function reasonToSkip({ database, needsStrace }: Scenario): string | false {
  if (database === 'PostgreSQL') return withoutPostgres();
  return needsStrace ? noStrace : false;
}

async function run(scenario: Scenario, defect: readonly Replacement[]): Promise<string[]> {
  await using server = scenario.database === 'PostgreSQL' ? await startPostgres() : null;
  const databaseUrl = server === null ? null : await server.createDatabase();
  await using world = await openWorld({
    databaseUrl,
    settings: scenario.settings,
    // Long enough to be seen while it lasts.
    deletingMs: scenario.database === 'PostgreSQL' ? 3_000 : 300,
    defect,
  });
  return await scenario.run(world, server);
}
