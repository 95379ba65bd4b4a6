import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkConventions } from '../src/policy/authoring/conventions.ts';
import type { Opa, OpaOutput } from '../src/policy/authoring/opa.ts';
import { committedPolicies, copiedPolicies, opaOrSkip, type Replacement } from './support/policy-folder.ts';

const { opa: plainOpa, skip } = await opaOrSkip();
const opa = plainOpa === null ? null : parsingOnce(plainOpa);

const region = 'rules/region_allowed/region_allowed.rego';
const state = 'rules/gateway_state/gateway_state.rego';

/** Two dozen tests parse the same sources: each is parsed once, known by its bytes. */
function parsingOnce(plain: Opa): Opa {
  const parsed = new Map<string, Promise<OpaOutput>>();
  return {
    path: plain.path,
    async run(args, options) {
      const file = args.at(-1);
      if (args[0] !== 'parse' || file === undefined) return plain.run(args, options);
      const key = `${args.join(' ')}\n${await readFile(join(options.cwd, file), 'utf8')}`;
      const output = parsed.get(key) ?? plain.run(args, options);
      parsed.set(key, output);
      return output;
    },
  };
}

type Breach = { what: string; change: Replacement; found: RegExp };

const breaches: readonly Breach[] = [
  {
    what: 'a package without a description',
    change: [region, /# description: >-\n#.*\npackage/, 'package'],
    found: /region_allowed\.rego:1: the package lacks a description .*\(package-metadata\)/,
  },
  {
    what: 'a helper package without a title',
    change: ['lib/patterns.rego', '# title: Patterns\n', ''],
    found: /patterns\.rego:1: the package lacks a title .*\(package-metadata\)/,
  },
  {
    what: 'a public rule without a title',
    change: ['lib/facts.rego', '# METADATA\n# title: Name of the gateway\n', ''],
    found: /facts\.rego:\d+: the rule name lacks .*\(rule-metadata\)/,
  },
  ...[
    ['title', '# title: The region is allowed\n'],
    ['description', '# description: Refuses a region that the parameters do not name.\n'],
    ['code', '#   code: REGION_NOT_ALLOWED\n'],
    ['severity', '#   severity: high\n'],
    ['owner', '#   owner: network-platform\n'],
    ['since', '#   since: 0.1.0\n'],
  ].map(
    ([field = '', line = '']): Breach => ({
      what: `a refusal without ${field}`,
      change: [region, line, ''],
      found: new RegExp(
        `region_allowed\\.rego:\\d+: the refusal lacks ${field} in its METADATA \\(refusal-metadata\\)`,
      ),
    }),
  ),
  {
    what: 'a refusal without a remedy',
    change: [region, / {3}remedy: >-\n# {5}.*\n#/, ''],
    found: /the refusal lacks remedy in its METADATA \(refusal-metadata\)/,
  },
  {
    what: 'a refusal without any METADATA',
    change: [region, /# METADATA\n(#.*\n)+(?=admission_deny)/, ''],
    found: /the refusal lacks code in its METADATA \(refusal-metadata\)/,
  },
  {
    what: 'a second refusal that relies on the METADATA of the first',
    change: [region, /$/, 'admission_deny contains violation.new(rego.metadata.chain(), "m", {}) if true\n'],
    found: /the refusal lacks code in its METADATA \(refusal-metadata\)/,
  },
  {
    what: 'a code that is not upper snake case',
    change: [region, 'code: REGION_NOT_ALLOWED', 'code: RegionNotAllowed'],
    found: /the refusal lacks code in its METADATA \(refusal-metadata\)/,
  },
  {
    what: 'a severity that nobody knows',
    change: [region, 'severity: high', 'severity: grave'],
    found: /the refusal lacks severity in its METADATA \(refusal-metadata\)/,
  },
  {
    what: 'an exclusive refusal outside caller_permission',
    change: [region, '#   since: 0.1.0', '#   since: 0.1.0\n#   exclusive: true'],
    found: /region_allowed\.rego:\d+: the key exclusive .*\(exclusive\)/,
  },
  {
    what: 'a refusal of caller_permission that is not exclusive',
    change: ['rules/caller_permission/caller_permission.rego', '#   exclusive: true\n', ''],
    found: /caller_permission\.rego:\d+: the key exclusive .*\(exclusive\)/,
  },
  {
    what: 'a refusal that writes its own code',
    change: [region, /violation\.new\([^)]*\)[^)]*\)/, '{"code": "REGION_NOT_ALLOWED"}'],
    found: /region_allowed\.rego:\d+: a refusal is violation\.new.*\(refusal-form\)/,
  },
  {
    what: 'a refusal that takes the metadata of nothing',
    change: [region, 'rego.metadata.chain()', '[]'],
    found: /region_allowed\.rego:\d+: a refusal is violation\.new.*\(refusal-form\)/,
  },
  {
    what: 'one code for two states',
    change: [state, 'code: GATEWAY_PROVISIONING', 'code: GATEWAY_INITIALIZING'],
    found: /GATEWAY_INITIALIZING stands for something else elsewhere \(code-unique\)/,
  },
  {
    what: 'one code in two rules',
    change: [state, 'code: GATEWAY_PROVISIONING', 'code: REGION_NOT_ALLOWED'],
    found: /REGION_NOT_ALLOWED stands for something else elsewhere \(code-unique\)/,
  },
  {
    what: 'a new code that is not listed',
    change: [region, 'code: REGION_NOT_ALLOWED', 'code: REGION_REFUSED'],
    found: /REGION_REFUSED is not active for region_allowed in codes\.json \(code-listed\)/,
  },
  {
    what: 'a listed code that is lost',
    change: [region, 'code: REGION_NOT_ALLOWED', 'code: REGION_REFUSED'],
    found: /no rule has the code REGION_NOT_ALLOWED: move it to retired \(code-lost\)/,
  },
  {
    what: 'a retired code that is used',
    change: ['codes.json', /"retired": \{\}/, '"retired": {"REGION_NOT_ALLOWED": "region_allowed"}'],
    found: /REGION_NOT_ALLOWED is retired and may not be used again \(code-retired\)/,
  },
  {
    what: 'a refusal that carries the entrypoint',
    change: [region, '# custom:', '# entrypoint: true\n# custom:'],
    found: /region_allowed\.admission_deny is an entrypoint and should not be \(entrypoint\)/,
  },
  {
    what: 'an entrypoint that is lost',
    change: ['decision.rego', '# entrypoint: true\n', ''],
    found: /data\.portcullis\.admission is no entrypoint and should be \(entrypoint\)/,
  },
  {
    what: 'not without future.keywords.not',
    change: [region, 'import future.keywords.not\n', ''],
    found: /region_allowed\.rego:\d+: not is used without import future\.keywords\.not \(negation\)/,
  },
  {
    what: 'a built-in that is not listed',
    change: [region, ') if {\n', ') if {\n\tupper("a") == "A"\n'],
    found: /the built-in upper is used and not listed \(builtin\)/,
  },
  {
    what: 'input that is read by a rule',
    change: [region, 'not request.region_id in', 'not input.resource.properties.regionId in'],
    found: /region_allowed\.rego:\d+: input is read outside .*\(input\)/,
  },
  {
    what: 'a package that is not called like its folder',
    change: [region, 'package portcullis.rules.region_allowed', 'package portcullis.rules.regions'],
    found: /region_allowed\.rego:1: it should be .*\(layout\)/,
  },
  {
    what: 'a rule that decision.rego does not name',
    change: ['decision.rego', '\t"identity": data.portcullis.rules.identity.deny,\n', ''],
    found: /decision\.rego does not name data\.portcullis\.rules\.identity\.deny \(counted\)/,
  },
  {
    what: 'a lost rule',
    change: [region, 'admission_deny contains', 'refusals contains'],
    found: /no rule defines data\.portcullis\.rules\.region_allowed\.admission_deny \(counted\)/,
  },
  {
    what: 'a folder that refuses nothing',
    change: [region, 'admission_deny contains', 'refusals contains'],
    found: /region_allowed\.rego:1: the folder holds no deny and no admission_deny \(counted\)/,
  },
];

test('the committed policies keep to the conventions', { skip }, async () => {
  assert.ok(opa);
  assert.deepEqual(await checkConventions(committedPolicies, opa), []);
});

for (const { what, change, found } of breaches) {
  test(`the conventions catch ${what}`, { skip }, async () => {
    assert.ok(opa);
    using policies = await copiedPolicies();
    await policies.replace(change);
    const lines = await checkConventions(policies.path, opa);
    assert.ok(
      lines.some((line) => found.test(line)),
      `found only:\n${lines.join('\n')}`,
    );
  });
}

test('the conventions catch a rule without tests', { skip }, async () => {
  assert.ok(opa);
  using policies = await copiedPolicies();
  await policies.remove('rules/identity/identity_test.rego');
  assert.deepEqual(await checkConventions(policies.path, opa), [
    'rules/identity/identity.rego:1: there is no rules/identity/identity_test.rego (tests).',
  ]);
});

test('every convention is one that a test here catches', async () => {
  const files = ['conventions.rego', 'codes.rego', 'structure.rego'];
  const texts = await Promise.all(
    files.map((file) => readFile(join(committedPolicies, 'conventions', file), 'utf8')),
  );
  const conventions = [...texts.join('').matchAll(/_at\([^"]*(?:"[^"]+\.(?:rego|json)"[^"]*)?"([a-z-]+)"/g)];
  const names = new Set(conventions.map((match) => match[1]));
  const caught = new Set([
    'tests',
    ...breaches.map(({ found }) => /\\\(([a-z-]+)\\\)/.exec(found.source)?.[1]),
  ]);
  assert.deepEqual(
    [...names].filter((name) => !caught.has(name)),
    [],
  );
  assert.equal(names.size, 16);
});
