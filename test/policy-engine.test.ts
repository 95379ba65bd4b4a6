import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entrypoints, readBundle } from '../src/policy/bundle.ts';
import { createEngine, type Engine, EvaluationAborted } from '../src/policy/engine.ts';
import { compileModule, type PolicyInstance, type PolicyModule } from '../src/policy/module.ts';
import type { Json } from '../src/policy/plain-json.ts';
import { policyOptions } from '../src/policy/runtime.ts';
import { admissionAsking, fixtureBundle } from './support/policy.ts';

const { memory } = policyOptions;
const bundle = await readBundle(await fixtureBundle('traps'));
const module = await compileModule(bundle.wasm, memory);
const asked = (reason: string) => admissionAsking(reason) as Json;

/** The real module, of whose instances one method is replaced from the given one (counted from 1) on. */
function faulty(from: number, change: (instance: PolicyInstance) => Partial<PolicyInstance>): PolicyModule {
  let made = 0;
  return {
    instantiate() {
      made += 1;
      const instance = module.instantiate();
      return made >= from ? { ...instance, ...change(instance) } : instance;
    },
  };
}

function assertAllows(engine: Engine): void {
  assert.equal(engine.evaluate(entrypoints.admission, asked('parameters')).allow, true);
}

test('an input that aborts the parser of the module harms no later evaluation', () => {
  const engine = createEngine(module, bundle.data, memory);
  for (let count = 1; count <= 1_200; count += 1) {
    assert.throws(() => engine.evaluate(entrypoints.admission, asked('\ud800')), EvaluationAborted);
    assert.equal(engine.state().instancesMade, count);
    if (count % 60 === 0) assertAllows(engine);
  }
  assertAllows(engine);
});

const failedLoads: [string, (instance: PolicyInstance) => Partial<PolicyInstance>, RegExp][] = [
  [
    'throws',
    () => ({
      load: () => {
        // oxlint-disable-next-line typescript/only-throw-error -- opa-wasm throws plain strings
        throw 'failed to parse json value';
      },
    }),
    /failed to parse json value/,
  ],
  ['does nothing', () => ({ load: () => undefined }), /are not what it holds/],
  ['loads a part', (real) => ({ load: () => real.load({ portcullis: {} }) }), /are not what it holds/],
  [
    'throws after it overwrote',
    (real) => ({
      load: () => {
        real.load({ portcullis: { parameters: { region_allowed: { regions: ['everywhere'] } } } });
        throw new Error('malformed');
      },
    }),
    /malformed/,
  ],
];

for (const [what, change, message] of failedLoads) {
  test(`parameters are never used when loading them ${what}`, () => {
    assert.throws(() => createEngine(faulty(1, change), bundle.data, memory), { message });

    const engine = createEngine(faulty(2, change), bundle.data, memory);
    assert.equal(engine.evaluate(entrypoints.admission, asked('parameters')).allow, true);
    assert.throws(() => engine.evaluate(entrypoints.admission, asked('conflict')), EvaluationAborted);
    for (let count = 0; count < 3; count += 1) {
      assert.throws(() => engine.evaluate(entrypoints.admission, asked('parameters')), { message });
    }
    assert.equal(engine.state().memoryPages, 0);
  });
}

test('an instance that allows an empty input never serves', () => {
  const allowance = [{ result: { allow: true, violations: [], obligations: [], limits: [] } }];
  const module = faulty(1, () => ({ evaluate: () => allowance }));
  assert.throws(() => createEngine(module, bundle.data, memory), { message: /allows an empty input/ });
});

test('a result set with more than one result is none', () => {
  const module = faulty(2, (real) => ({
    evaluate: (entrypoint, input) => {
      const resultSet = real.evaluate(entrypoint, input) as unknown[];
      return JSON.stringify(input) === '{}' ? resultSet : [...resultSet, ...resultSet];
    },
  }));
  const engine = createEngine(module, bundle.data, memory);
  assert.throws(() => engine.evaluate(entrypoints.admission, asked('conflict')));
  assert.throws(() => engine.evaluate(entrypoints.admission, asked('allow')), { name: 'MalformedResult' });
});

test('what is thrown becomes an Error with its text', () => {
  const thrown: [unknown, string][] = [
    ['a text', 'a text'],
    [{ message: 'not implemented' }, '{"message":"not implemented"}'],
    [new RangeError('out of bounds'), 'out of bounds'],
    [undefined, 'undefined'],
  ];
  for (const [value, message] of thrown) {
    assert.equal(new EvaluationAborted(value).message, message);
    assert.equal(new EvaluationAborted(value).cause, value);
  }
});
