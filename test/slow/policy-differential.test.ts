import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { defaultBundleFile } from '../../src/package-files.ts';
import { unpack } from '../../src/policy/authoring/archive.ts';
import { askOpa, askWasm, type Question } from '../../src/policy/authoring/engines.ts';
import { AuthoringError, findOpa } from '../../src/policy/authoring/opa.ts';
import { generatedQuestions } from '../support/policy-questions.ts';

const policies = fileURLToPath(new URL('../../policies', import.meta.url));
const count = Number(process.env.PORTCULLIS_TEST_INPUTS ?? 12_000);
const seed = Number(process.env.PORTCULLIS_TEST_SEED ?? Date.now() % 2 ** 31);

test(`OPA in Go and the bundle in WASM answer ${count} generated inputs alike`, async (context) => {
  const opa = await findOpa(process.env).catch((error: unknown) => {
    if (error instanceof AuthoringError && process.env.CI !== 'true') return error;
    throw error;
  });
  if (opa instanceof AuthoringError) {
    context.skip(opa.message);
    return;
  }
  context.diagnostic(`seed ${seed}; again with PORTCULLIS_TEST_SEED=${seed}`);
  const data: unknown = JSON.parse(await readFile(`${policies}/data.json`, 'utf8'));
  const members = await unpack(await readFile(defaultBundleFile));
  const questions: Question[] = fc
    .sample(generatedQuestions, { numRuns: count, seed })
    .map((question) => ({ ...question, data }));
  assert.equal(questions.length, count);

  const [fromOpa, fromWasm] = await Promise.all([
    askOpa(policies, opa, questions),
    askWasm(members, questions),
  ]);
  assert.equal(fromOpa.length, count);
  const tally = new Map<string, number>();
  const add = (name: string) => tally.set(name, (tally.get(name) ?? 0) + 1);
  for (const [index, question] of questions.entries()) {
    const message = `input ${index} of seed ${seed}: ${JSON.stringify(question.input)}`;
    assert.deepEqual(fromWasm[index], fromOpa[index], message);
    const { allow, violations } = fromOpa[index] as { allow: boolean; violations: { rule: string }[] };
    assert.equal(allow, violations.length === 0, message);
    add(`${question.entrypoint} ${allow ? 'allowed' : 'refused'}`);
    for (const rule of new Set(violations.map((violation) => violation.rule))) add(rule);
  }
  context.diagnostic(
    [...tally]
      .map((pair) => pair.join(' '))
      .toSorted()
      .join(', '),
  );

  // A generator that never reaches a rule, or never an allowance, would prove nothing of it.
  const reached = [
    'budgets',
    'business_status',
    'caller_permission',
    'connections_present',
    'facts_complete',
    'gateway_state',
    'gateway_type',
    'identity',
    'prepaid_term',
    'protected_gateway',
    'reason_required',
    'region_allowed',
  ];
  for (const name of [
    ...reached,
    'admission allowed',
    'admission refused',
    'decision allowed',
    'decision refused',
  ]) {
    assert.ok((tally.get(name) ?? 0) >= count / 500, `${name} was reached ${tally.get(name) ?? 0} times`);
  }
});
