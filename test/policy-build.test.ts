import assert from 'node:assert/strict';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { unpack } from '../src/policy/authoring/archive.ts';
import { buildPolicy, compileBundle } from '../src/policy/authoring/build.ts';
import { askOpa, askWasm } from '../src/policy/authoring/engines.ts';
import { AuthoringError, findOpa } from '../src/policy/authoring/opa.ts';
import { compileModule } from '../src/policy/module.ts';
import { loadPolicy, policyOptions } from '../src/policy/runtime.ts';
import { admissionAsking, decisionOn } from './support/policy.ts';
import { committedPolicies, copiedPolicies, opaOrSkip } from './support/policy-folder.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const { opa, skip } = await opaOrSkip();
const region = 'rules/region_allowed/region_allowed.rego';

test('the same sources give the same bundle, wherever they lie', { skip }, async () => {
  assert.ok(opa);
  using policies = await copiedPolicies();
  await policies.remove('bundle.tar.gz');
  const { revision, path } = await buildPolicy(policies.path, opa);
  const [built, committed] = await Promise.all([
    readFile(path),
    readFile(join(committedPolicies, 'bundle.tar.gz')),
  ]);
  assert.deepEqual(await unpack(built), await unpack(committed));
  assert.equal((await loadPolicy(committed)).revision, revision);
});

test('a bundle holds no test, no case and no convention', { skip }, async () => {
  assert.ok(opa);
  const { members } = await compileBundle(committedPolicies, opa);
  const others = [...members.keys()].filter(
    (name) => !/^\/(decision|lib\/\w+|rules\/(\w+)\/\2)\.rego$/.test(name),
  );
  assert.deepEqual(others.toSorted(), ['/.manifest', '/data.json', '/policy.wasm']);
  assert.ok(![...members.keys()].some((name) => name.endsWith('_test.rego')));
});

for (const [what, file, from, to] of [
  ['a rule', region, 'may not be deleted', 'must not be deleted'],
  ['a parameter', 'data.json', 'vpn-demoprotected1', 'vpn-demoprotected2'],
  ['a capability', 'capabilities.json', '"name": "abs",', '"name": "upper",'],
] as const) {
  test(`the revision changes with ${what}`, { skip }, async () => {
    assert.ok(opa);
    using policies = await copiedPolicies();
    const before = await compileBundle(policies.path, opa);
    await policies.replace([file, from, to]);
    assert.notEqual((await compileBundle(policies.path, opa)).revision, before.revision);
  });
}

for (const builtin of [
  'upper("a")',
  'sprintf("%s", ["a"])',
  'time.now_ns()',
  'glob.match("a", [], "a")',
  'opa.runtime()',
]) {
  test(`a rule that calls ${builtin} is not built`, { skip }, async () => {
    assert.ok(opa);
    using policies = await copiedPolicies();
    await policies.replace([region, ') if {\n', `) if {\n\t_ := ${builtin}\n`]);
    const name = builtin.slice(0, builtin.indexOf('('));
    await assert.rejects(
      buildPolicy(policies.path, opa),
      (error) => error instanceof AuthoringError && error.message.includes(`undefined function ${name}`),
    );
  });
}

const capabilitiesSchema = z.object({
  builtins: z.array(
    z.object({ name: z.string(), decl: z.object({ args: z.array(z.unknown()).default([]) }) }),
  ),
});

test('every listed built-in is evaluated by the module itself', { skip }, async () => {
  assert.ok(opa);
  using policies = await copiedPolicies();
  const text = await readFile(join(policies.path, 'capabilities.json'), 'utf8');
  // The compiler itself takes the place of these: they are never called.
  const compiled = /^(eq|assign|internal\.template_string|rego\.metadata\..*)$/;
  const calls = capabilitiesSchema
    .parse(JSON.parse(text))
    .builtins.filter(({ name }) => !compiled.test(name))
    .map(({ name, decl }) => `${name}(${decl.args.map((_, index) => `input[${index}]`).join(', ')})`);
  assert.ok(calls.length > 50);
  const rules = calls.map((call) => `_everything contains ${call}\n`).join('');
  await policies.replace(['decision.rego', /$/, `${rules}\n`]);
  await policies.replace(['decision.rego', '} if {\n', '} if {\n\tcount(_everything) >= 0\n']);
  const { members } = await compileBundle(policies.path, opa);
  const wasm = members.get('/policy.wasm');
  assert.ok(wasm);
  await compileModule(wasm, policyOptions.memory);
});

for (const lost of ['the refusals of a rule', 'a whole rule'] as const) {
  test(`a policy that lost ${lost} refuses everything`, { skip }, async () => {
    assert.ok(opa);
    using policies = await copiedPolicies();
    if (lost === 'a whole rule') await policies.remove('rules/region_allowed');
    else await policies.replace([region, 'admission_deny contains', 'refusals contains']);
    const { members } = await compileBundle(policies.path, opa);
    const data: unknown = JSON.parse(await readFile(join(policies.path, 'data.json'), 'utf8'));
    const questions = [
      { entrypoint: 'admission', input: admissionAsking(null), data },
      { entrypoint: 'decision', input: decisionOn(), data },
    ] as const;
    const committed = await loadPolicy(await readFile(join(committedPolicies, 'bundle.tar.gz')));
    assert.equal(committed.decision(decisionOn()).allow, true);
    for (const answers of [await askOpa(policies.path, opa, questions), await askWasm(members, questions)]) {
      for (const answer of answers) {
        assert.partialDeepStrictEqual(answer, { allow: false, violations: [{ code: 'POLICY_INCOMPLETE' }] });
      }
    }
  });
}

test('a policy that does not compile is not built, and the message says where it fails', {
  skip,
}, async () => {
  assert.ok(opa);
  using policies = await copiedPolicies();
  await policies.replace([region, ') if {\n', ') if {\n\tnonsense(1)\n']);
  await assert.rejects(
    buildPolicy(policies.path, opa),
    /region_allowed\.rego:\d+: rego_type_error: undefined function nonsense/,
  );
});

test('a folder that holds no policies is named', { skip }, async () => {
  assert.ok(opa);
  using empty = temporaryDirectory();
  await assert.rejects(
    buildPolicy(empty.path, opa),
    (error) => error instanceof AuthoringError && /cannot be read\. Give the folder/.test(error.message),
  );
});

test('without OPA the message says how to install it', async () => {
  using empty = temporaryDirectory();
  await assert.rejects(
    findOpa({ PATH: empty.path }),
    /there is no opa on PATH\. Install it with: go install .*@v1\.22\.2/,
  );
  await assert.rejects(
    findOpa({ OPA: join(empty.path, 'opa') }),
    /The variable OPA names .*, which cannot be run\. Install/,
  );
});

test('another version of OPA is not used', async () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, 'opa');
  await writeFile(path, '#!/bin/sh\necho "Version: 1.0.0"\n');
  await chmod(path, 0o755);
  for (const environment of [{ OPA: path }, { PATH: directory.path }]) {
    await assert.rejects(
      findOpa(environment),
      /is OPA 1\.0\.0, and the committed bundle is made with OPA 1\.22\.2\. Install/,
    );
  }
});
