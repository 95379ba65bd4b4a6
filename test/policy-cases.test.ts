import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Problem } from '../src/errors.ts';
import { defaultBundleFile, policySchemasDirectory } from '../src/package-files.ts';
import { differences, readCases } from '../src/policy/authoring/cases.ts';
import { PolicyBundleError } from '../src/policy/bundle.ts';
import type { Json } from '../src/policy/plain-json.ts';
import { type LivePolicy, loadPolicy } from '../src/policy/runtime.ts';
import { loadSchemas } from '../src/policy/schemas.ts';
import { changeBundle } from './support/policy.ts';

const committed = await readFile(defaultBundleFile);
const schemas = await loadSchemas(policySchemasDirectory);
const cases = await readCases(fileURLToPath(new URL('../policies', import.meta.url)));

const loading = new Map<string, Promise<LivePolicy>>();
/** The committed policy with the parameters of a case: most cases have the same ones. */
async function policyWith(data: string): Promise<LivePolicy> {
  const policy =
    loading.get(data) ?? changeBundle(committed, { '/data.json': data }).then((bytes) => loadPolicy(bytes));
  loading.set(data, policy);
  return policy;
}

test('there are golden cases that allow, that refuse, that are malformed', () => {
  assert.ok(cases.some((golden) => golden.expect.allow));
  assert.ok(cases.some((golden) => !golden.expect.allow && golden.inputValid));
  assert.ok(cases.some((golden) => !golden.inputValid));
});

for (const golden of cases) {
  test(`${golden.file}: ${golden.name}`, async () => {
    const loaded = policyWith(JSON.stringify(golden.data));
    if (schemas.data(golden.data as Json) !== null) {
      // Such parameters are refused at load; what policy would make of them is shown where OPA is at hand.
      assert.equal(golden.expect.allow, false);
      await assert.rejects(loaded, PolicyBundleError);
      return;
    }
    const policy = await loaded;
    const ask = () => policy[golden.entrypoint](golden.input as never);
    if (golden.inputValid) assert.deepEqual(differences(golden, ask()), []);
    else assert.throws(ask, (error) => error instanceof Problem && error.code === 'POLICY_UNAVAILABLE');
  });
}
