import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NotPlainJson, plainJson } from '../src/policy/plain-json.ts';

test('plain JSON is copied as it is', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary', maxDepth: 6 }), (generated) => {
      const value = JSON.parse(JSON.stringify(generated), (_key, part: unknown) =>
        typeof part === 'number' && Math.abs(part) > Number.MAX_SAFE_INTEGER ? 0 : part,
      );
      const text = JSON.stringify(value);
      fc.pre(!text.includes('"__proto__"'));
      assert.equal(JSON.stringify(plainJson(value)), text);
    }),
  );
});

test('a copy shares nothing with what it was made of', () => {
  const value = { list: [{ a: 1 }], object: { b: 2 } };
  const copy = plainJson(value);
  value.list[0] = { a: 9 };
  value.object.b = 9;
  assert.deepEqual(copy, { list: [{ a: 1 }], object: { b: 2 } });
});

test('an object without prototype is plain, and its copy has the usual one', () => {
  assert.deepEqual(plainJson(Object.assign(Object.create(null), { a: 1 })), { a: 1 });
});

const sparse: unknown[] = [];
sparse[3] = 1;
const circular: unknown[] = [];
circular.push(circular);
const refused: [string, unknown, RegExp][] = [
  ['undefined', undefined, /the value is of the type undefined/],
  ['a member that is undefined', { a: { b: undefined } }, /\/a\/b is of the type undefined/],
  ['a function', { a: () => 1 }, /\/a is of the type function/],
  ['a symbol', [Symbol('a')], /\/0 is of the type symbol/],
  ['a BigInt', { a: 1n }, /\/a is of the type bigint/],
  ['NaN', { a: [0, Number.NaN] }, /\/a\/1 is not a finite number/],
  ['Infinity', { a: Number.POSITIVE_INFINITY }, /\/a is not a finite number/],
  ['2^53', { a: 2 ** 53 }, /\/a is an integer beyond 2\^53 - 1/],
  ['-2^53', { a: -(2 ** 53) }, /\/a is an integer beyond 2\^53 - 1/],
  ['1e300', { a: 1e300 }, /\/a is an integer beyond/],
  ['a high surrogate alone', { a: 'x\ud800' }, /\/a has a lone surrogate/],
  ['a low surrogate alone', ['\udc00x'], /\/0 has a lone surrogate/],
  ['surrogates in the wrong order', ['\udc00\ud800'], /\/0 has a lone surrogate/],
  ['a lone surrogate in a name', { '\ud800': 1 }, /has a lone surrogate/],
  ['a Date', new Date(0), /the value is not a plain object/],
  ['a Map', { a: new Map() }, /\/a is not a plain object/],
  ['a boxed text', { a: Object('x') }, /\/a is not a plain object/],
  ['bytes', { a: new Uint8Array(2) }, /\/a is not a plain object/],
  ['an object with a prototype of its own', Object.create({ a: 1 }), /is not a plain object/],
  ['an array of a class of its own', new (class extends Array {})(), /is not a plain array/],
  ['a hole', sparse, /is not a plain array/],
  ['an array with a name', Object.assign([1], { a: 1 }), /is not a plain array/],
  ['a symbol as a name', { [Symbol('a')]: 1 }, /has a forbidden member/],
  ['__proto__ as a name', JSON.parse('{"a":{"__proto__":{"b":1}}}'), /\/a has a forbidden member/],
  [
    'a getter',
    Object.defineProperty({}, 'a', { get: () => 1, enumerable: true }),
    /\/a is not a plain member/,
  ],
  ['a hidden member', Object.defineProperty({}, 'a', { value: 1 }), /\/a is not a plain member/],
  ['a circle', circular, /lies deeper than 32 levels/],
  ['too many parts', Array.from({ length: 100_001 }, () => 0), /more than 100000 parts/],
  ['too much text', ['x'.repeat(4_000_001)], /more than 4000000 characters/],
];

for (const [what, value, message] of refused) {
  test(`refused: ${what}`, () => {
    assert.throws(
      () => plainJson(value),
      (error) => {
        assert.ok(error instanceof NotPlainJson, String(error));
        assert.match(error.message, message);
        return true;
      },
    );
  });
}

test('a refusal never holds the value', () => {
  assert.throws(
    () => plainJson({ a: 'secret\ud800' }),
    (error) => error instanceof Error && !error.message.includes('secret'),
  );
});
