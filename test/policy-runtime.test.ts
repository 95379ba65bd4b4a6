import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Problem } from '../src/errors.ts';
import { defaultBundleFile } from '../src/package-files.ts';
import type { AdmissionInput } from '../src/policy/input.ts';
import { type LivePolicy, loadPolicy, policyOptions } from '../src/policy/runtime.ts';
import { admissionAsking, changeBundle, decisionOn, fixtureBundle } from './support/policy.ts';

const traps = await fixtureBundle('traps');
const allowed = { allow: true, violations: [], obligations: [], limits: [] };

function unavailable(pattern: RegExp): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof Problem, String(error));
    assert.equal(error.code, 'POLICY_UNAVAILABLE');
    assert.match(error.detail, pattern);
    return true;
  };
}

function assertStillRight(policy: LivePolicy): void {
  assert.deepEqual(policy.admission(admissionAsking('parameters')), allowed);
  assert.equal(policy.admission(admissionAsking('refuse')).violations[0]?.code, 'REFUSED_AT_ADMISSION');
}

test('the committed bundle allows and refuses, and says which policy it is', async () => {
  const policy = await loadPolicy(defaultBundleFile, { ...policyOptions, now: () => 7 });
  assert.deepEqual(policy.admission(admissionAsking(null)), allowed);
  const { limits, ...decided } = policy.decision(decisionOn());
  assert.deepEqual({ ...decided, limits: [] }, allowed);
  assert.deepEqual(limits[0], { scope: 'all', window: 'day', limit: 400 });
  const refused = policy.decision(decisionOn({ name: 'prod-1' }));
  assert.deepEqual([refused.allow, refused.violations[0]?.code], [false, 'PROTECTED_BY_NAME']);
  assert.match(policy.revision, /^[0-9a-f]{64}$/);
  assert.match(policy.digest, /^[0-9a-f]{64}$/);
  assert.equal(policy.loadedAtMs, 7);
  assert.deepEqual(policy.health(), { ok: true, detail: `revision ${policy.revision}` });
});

test('an entrypoint is found by its name, whatever its number', async () => {
  const policy = await loadPolicy(traps);
  assert.equal(policy.admission(admissionAsking('refuse')).violations[0]?.code, 'REFUSED_AT_ADMISSION');
  assert.equal(policy.decision(decisionOn()).violations[0]?.code, 'REFUSED_AT_DECISION');
});

test('after any number of aborted evaluations the next one is right', async () => {
  const policy = await loadPolicy(traps);
  for (let count = 1; count <= 4_200; count += 1) {
    assert.throws(() => policy.admission(admissionAsking('conflict')), unavailable(/was aborted/));
    if (count % 60 === 0) assertStillRight(policy);
  }
  assertStillRight(policy);
  assert.equal(policy.health().ok, true);
});

test('an aborted evaluation keeps what the module said as the cause, as an Error', async () => {
  const policy = await loadPolicy(traps);
  assert.throws(
    () => policy.admission(admissionAsking('conflict')),
    (error) =>
      error instanceof Problem && error.cause instanceof Error && /conflict/.test(error.cause.message),
  );
});

test('what is no result refuses, and the instance that gave it serves no more', async () => {
  const violation = { code: 'A', rule: 'r', message: 'm', remedy: 'm', details: {}, exclusive: false };
  const result = { allow: false, violations: [violation], obligations: [], limits: [] };
  const answers = [
    {},
    [],
    null,
    true,
    'allow',
    { ...result, allow: 'false' },
    { ...result, allow: true },
    { ...result, violations: [] },
    { ...result, obligations: [{ id: 'approval' }] },
    { ...result, more: 1 },
    { allow: true, violations: [] },
    { allow: true, obligations: [], limits: [] },
    { ...result, violations: [{ ...violation, code: 'lower' }] },
    { ...result, violations: [{ ...violation, exclusive: 'no' }] },
    { ...result, violations: [{ ...violation, more: 1 }] },
    { ...result, violations: [{ ...violation, message: '' }] },
    { ...result, violations: [{ ...violation, remedy: undefined }] },
    { ...result, violations: ['A'] },
  ];
  const policy = await loadPolicy(traps);
  assert.deepEqual(policy.admission(admissionAsking('answer', JSON.stringify(result))), result);
  for (const [index, answer] of answers.entries()) {
    const asked = admissionAsking('answer', JSON.stringify(answer));
    assert.throws(() => policy.admission(asked), unavailable(/gave no valid result/), JSON.stringify(answer));
    assertStillRight(policy);
    assert.equal(policy.state().instancesMade, index + 2);
  }
});

test('an undefined decision refuses', async () => {
  const policy = await loadPolicy(traps);
  assert.throws(
    () => policy.admission(admissionAsking('nothing answers this')),
    unavailable(/gave no valid result/),
  );
  assert.throws(
    () => policy.admission(admissionAsking('answer', 'this is no JSON')),
    unavailable(/gave no valid result/),
  );
});

test('a number that a result cannot hold exactly is no result', async () => {
  const policy = await loadPolicy(traps);
  const answer = (number: string) =>
    `{"allow":false,"violations":[{"code":"A","rule":"r","message":"m","remedy":"m","details":{"n":${number}},"exclusive":false}],"obligations":[],"limits":[]}`;
  const exact = policy.admission(admissionAsking('answer', answer('9007199254740991')));
  assert.equal(exact.violations[0]?.details.n, 9007199254740991);
  for (const number of ['9007199254740993', '1e300', '-9007199254740992']) {
    assert.throws(
      () => policy.admission(admissionAsking('answer', answer(number))),
      unavailable(/no valid result/),
    );
  }
});

test('an input that is not as its schema says is never evaluated', async () => {
  const policy = await loadPolicy(traps);
  const good = admissionAsking('allow');
  const { resource: _, ...lacking } = good;
  const inputs: [string, unknown][] = [
    ['an empty object', {}],
    ['a member too few', lacking],
    ['a member too many', { ...good, more: 1 }],
    ['another subject', { ...good, subject: { ...good.subject, type: 'user' } }],
    ['a list for a text', { ...good, action: { name: ['DeleteEnhancedVpnGateway'] } }],
    ['a number for a text', { ...good, resource: { ...good.resource, id: 7 } }],
    ['no reason at all', { ...good, context: { requestId: 'r', ticket: null } }],
    ['facts at admission', { ...good, context: { ...good.context, facts: {} } }],
    ['nothing', null],
    ['false', false],
    ['zero', 0],
    ['an empty text', ''],
    ['a text', JSON.stringify(good)],
    ['an array', [good]],
  ];
  for (const [what, input] of inputs) {
    const ask = () => policy.admission(input as AdmissionInput);
    assert.throws(ask, unavailable(/its input is not of the expected form/), what);
  }
  const decision = decisionOn({ regionId: null });
  assert.throws(() => policy.decision(decision), unavailable(/\/context\/facts\/gateway\/regionId/));
  assert.throws(() => policy.decision(good as never), unavailable(/expected form/));
  assert.equal(policy.state().instancesMade, 1);
});

test('an input that JSON does not hold without loss is never evaluated', async () => {
  const policy = await loadPolicy(traps);
  const good = admissionAsking('allow');
  const bytes = new TextEncoder().encode(JSON.stringify(good));
  const inputs: [string, unknown][] = [
    ['nothing at all', undefined],
    ['the bytes of an input', bytes],
    ['a buffer of them', Buffer.from(bytes)],
    ['an ArrayBuffer of them', bytes.buffer],
    ['a lone surrogate', admissionAsking('\ud800')],
    ['a lone surrogate as a name', { ...good, '\udfff': 1 }],
    ['an undefined member', { ...good, context: { ...good.context, ticket: undefined } }],
    ['a BigInt', { ...good, context: { ...good.context, ticket: 1n } }],
    ['a class instance', Object.assign(new (class Input {})(), good)],
    ['a Date', { ...good, context: { ...good.context, ticket: new Date(0) } }],
    ['a toJSON', { ...good, toJSON: () => good }],
  ];
  for (const [what, input] of inputs) {
    assert.throws(() => policy.admission(input as AdmissionInput), unavailable(/not plain JSON/), what);
  }
  for (const timeMs of [Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, -(2 ** 53)]) {
    const input = decisionOn();
    input.context.timeMs = timeMs;
    assert.throws(() => policy.decision(input), unavailable(/\/context\/timeMs/), String(timeMs));
  }
  assert.equal(policy.state().instancesMade, 1);
  assertStillRight(policy);
});

test('the module is never given a value that changed after it was checked', async () => {
  const policy = await loadPolicy(traps);
  const context = admissionAsking('refuse').context;
  let reads = 0;
  Object.defineProperty(context, 'reason', {
    enumerable: true,
    get: () => {
      reads += 1;
      return reads === 1 ? 'refuse' : 'allow';
    },
  });
  assert.throws(
    () => policy.admission({ ...admissionAsking(null), context }),
    unavailable(/\/context\/reason is not a plain member/),
  );
});

test('an evaluation inside another one is refused', async () => {
  const policy = await loadPolicy(traps);
  const inner: unknown[] = [];
  const context = new Proxy(admissionAsking('refuse').context, {
    ownKeys(target) {
      try {
        inner.push(policy.admission(admissionAsking('allow')));
      } catch (error) {
        inner.push(error);
      }
      return Reflect.ownKeys(target);
    },
  });
  assert.equal(policy.admission({ ...admissionAsking(null), context }).allow, false);
  assert.equal(inner.length, 1);
  unavailable(/inside another/)(inner[0]);
  assertStillRight(policy);
});

test('memory is bounded: a grown instance is replaced, a demand beyond the maximum refuses', async () => {
  const memory = { initialPages: 8, maximumPages: 256, replacedAbovePages: 16 };
  const policy = await loadPolicy(traps, { ...policyOptions, memory });
  assert.deepEqual(policy.admission(admissionAsking('grow', '10')), allowed);
  assert.deepEqual(policy.state(), { instancesMade: 1, memoryPages: 8 });
  assert.deepEqual(policy.admission(admissionAsking('grow', '50000')), allowed);
  assert.deepEqual(policy.state(), { instancesMade: 1, memoryPages: 0 });
  assertStillRight(policy);
  assert.deepEqual(policy.state(), { instancesMade: 2, memoryPages: 8 });
  assert.throws(() => policy.admission(admissionAsking('grow', '1000000')), unavailable(/was aborted/));
  assertStillRight(policy);
  assert.deepEqual(policy.state(), { instancesMade: 3, memoryPages: 8 });
});

test('parameters that do not fit into the memory leave no policy, and the former one as it was', async () => {
  const policy = await loadPolicy(traps);
  const regions = Array.from({ length: 250 }, (_, index) => `${'x'.repeat(240)}${index}`);
  const data = {
    portcullis: {
      parameters: {
        budgets: [],
        caller_permission: { grants: [] },
        protected_gateway: { gatewayIds: regions, namePatterns: regions, tags: [] },
        reason_required: { classes: [] },
        region_allowed: { regions },
      },
    },
  };
  const bundle = await changeBundle(traps, { '/data.json': JSON.stringify(data) });
  const memory = { initialPages: 3, maximumPages: 4, replacedAbovePages: 4 };
  await assert.rejects(loadPolicy(bundle, { ...policyOptions, memory }), /its first evaluation failed/);
  const other = await loadPolicy(bundle);
  assert.throws(() => other.admission(admissionAsking('parameters')), unavailable(/gave no valid result/));
  assertStillRight(policy);
});
