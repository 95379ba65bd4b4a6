import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { packMembers, unpack } from '../src/policy/authoring/archive.ts';
import { buildPolicy } from '../src/policy/authoring/build.ts';
import { checkPolicy } from '../src/policy/authoring/check.ts';
import { testPolicy } from '../src/policy/authoring/test.ts';
import { committedPolicies, copiedPolicies, opaOrSkip } from './support/policy-folder.ts';

const { opa, skip } = await opaOrSkip();
const region = 'rules/region_allowed/region_allowed.rego';

function assertProblem(problems: readonly string[], expected: RegExp): void {
  assert.ok(
    problems.some((problem) => expected.test(problem)),
    `found only:\n${problems.join('\n')}`,
  );
}

test('the committed policies are in order and pass their tests', { skip }, async () => {
  assert.ok(opa);
  assert.deepEqual((await checkPolicy(committedPolicies, opa)).problems, []);
  assert.deepEqual((await testPolicy(committedPolicies, opa)).problems, []);
});

for (const [what, file, from, to, expected] of [
  [
    'a source that was changed without a build',
    region,
    'may not',
    'must not',
    /\/policy\.wasm differs: committed \d+ bytes .* Build it with/,
  ],
  ['a parameter that was changed without a build', 'data.json', 'vpn-demo', 'vpn-', /\/data\.json differs/],
  [
    'a badly formatted source',
    region,
    ') if {\n',
    ')   if {\n',
    /region_allowed\.rego is not formatted\. Format it with/,
  ],
  [
    'a misspelt field of the input',
    'lib/request.rego',
    'input.action.name',
    'input.action.nam',
    /undefined ref: input\.action\.nam/,
  ],
  ['an unused variable', region, ') if {\n', ') if {\n\tunused := 1\n', /unused/],
  [
    'a malformed parameter',
    'data.json',
    '"regions": ["cn-hangzhou"',
    '"region": ["cn-hangzhou"',
    /data\.json: .*region_allowed must/,
  ],
  [
    'an extra capability',
    'capabilities.json',
    '"allow_net": []',
    '"allow_net": ["a"]',
    /capabilities\.json is not what/,
  ],
  ['a breach of a convention', region, 'import future.keywords.not\n', '', /\(negation\)/],
  ['a source that does not parse', region, ') if {\n', ') if {{\n', /rego_parse_error/],
] as const) {
  test(`the check reports ${what}`, { skip }, async () => {
    assert.ok(opa);
    using policies = await copiedPolicies();
    await policies.replace([file, from, to]);
    assertProblem((await checkPolicy(policies.path, opa)).problems, expected);
  });
}

test('the check reports a member that the bundle lacks, and one that has no source', { skip }, async () => {
  assert.ok(opa);
  using policies = await copiedPolicies();
  const members = new Map(await unpack(await readFile(join(policies.path, 'bundle.tar.gz'))));
  members.delete('/lib/time.rego');
  members.set('/extra.rego', Buffer.from('package extra\n'));
  await policies.write('bundle.tar.gz', await packMembers(members));
  const { problems } = await checkPolicy(policies.path, opa);
  assert.equal(problems.length, 2);
  assertProblem(problems, /\/lib\/time\.rego is missing/);
  assertProblem(problems, /\/extra\.rego has no source/);
});

for (const [what, spoil, expected] of [
  ['missing', null, /There is no bundle\.tar\.gz\. Build it with/],
  ['damaged', Buffer.from('no archive'), /bundle\.tar\.gz cannot be unpacked/],
] as const) {
  test(`the check reports a ${what} bundle`, { skip }, async () => {
    assert.ok(opa);
    using policies = await copiedPolicies();
    if (spoil === null) await policies.remove('bundle.tar.gz');
    else await policies.write('bundle.tar.gz', spoil);
    assertProblem((await checkPolicy(policies.path, opa)).problems, expected);
  });
}

test('a build puts the check right', { skip }, async () => {
  assert.ok(opa);
  using policies = await copiedPolicies();
  await policies.replace(['data.json', 'vpn-demoprotected1', 'vpn-demoprotected2']);
  await buildPolicy(policies.path, opa);
  assert.deepEqual((await checkPolicy(policies.path, opa)).problems, []);
});

for (const [what, file, from, to, expected] of [
  [
    'a rule that is wrong',
    region,
    'not request.region_id in',
    'request.region_id in',
    /region_allowed_test\.test_named_region_passes fails/,
  ],
  [
    'a line that no test reaches',
    region,
    /$/,
    '\n_unreached if input.nothing == 1\n',
    /region_allowed\.rego: no test reaches the lines \d+/,
  ],
  [
    'a case that expects something else',
    'cases/region_allowed.json',
    '"allow": false',
    '"allow": true',
    /cases\/region_allowed\.json, ".+": in OPA, allow is false, expected true/,
  ],
  [
    'a case with another order of violations',
    'cases/reason_required.json',
    '"class": "production"',
    '"class": "frankfurt"',
    /in WASM, violations\[0\]\.details is/,
  ],
  [
    'a malformed case',
    'cases/region_allowed.json',
    '"expect"',
    '"expected"',
    /cases\/region_allowed\.json is malformed/,
  ],
  [
    'a case whose input the schema refuses',
    'cases/allowed.json',
    '"requestId": "req-1"',
    '"requestId": 1',
    /the schema refuses the input and should not/,
  ],
] as const) {
  test(`the tests report ${what}`, { skip }, async () => {
    assert.ok(opa);
    using policies = await copiedPolicies();
    await policies.replace([file, from, to]);
    const problems = await testPolicy(policies.path, opa).then(
      (report) => report.problems,
      (error: unknown) => [String(error)],
    );
    assertProblem(problems, expected);
  });
}
