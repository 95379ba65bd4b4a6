import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { member, parseStrictJson } from '../src/auth/strict-json.ts';

const parse = (text: string) => parseStrictJson(Buffer.from(text));
const object = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ maxDepth: 6 }));

test('what JSON.stringify writes is read as it was, laid out in whatever way', () => {
  fc.assert(
    fc.property(object, fc.constantFrom('', ' ', '\t', '\n  '), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      assert.deepEqual(parse(text), JSON.parse(text));
    }),
  );
});

test('a member that stands twice is refused wherever it is, however it is escaped', () => {
  const escaped = (name: string) =>
    Array.from({ length: name.length }, (_, at) => `\\u${name.charCodeAt(at).toString(16).padStart(4, '0')}`);
  fc.assert(
    fc.property(
      object,
      fc.string(),
      fc.jsonValue({ maxDepth: 3 }),
      fc.boolean(),
      (value, name, other, isEscaped) => {
        const again = isEscaped ? `"${escaped(name).join('')}"` : JSON.stringify(name);
        const twice = `{${JSON.stringify(name)}:${JSON.stringify(other)},"${name.length}?":[{}],${again}:1}`;
        for (const text of [twice, `{"a":[${JSON.stringify(value)},${twice}]}`]) {
          assert.throws(() => parse(text), { reason: 'repeated' });
        }
      },
    ),
  );
});

const refused = [
  '',
  'null',
  '1',
  '"a"',
  '[]',
  '{',
  '{"a":1,}',
  "{'a':1}",
  '{"a":NaN}',
  '\uFEFF{}',
  '{} {}',
  '{"a":01}',
];
for (const text of refused) {
  test(`no JSON object: ${JSON.stringify(text)}`, () => {
    assert.throws(() => parse(text), { reason: 'invalid' });
  });
}

test('nesting is bounded', () => {
  const nested = (depth: number) => `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`;
  assert.doesNotThrow(() => parse(nested(31)));
  assert.throws(() => parse(nested(32)), { reason: 'invalid' });
});

test('inherited names are no members', () => {
  const parsed = parse('{"__proto__":{"iss":"x"},"sub":"y"}');
  assert.equal(member(parsed, 'iss'), undefined);
  assert.equal(member(parsed, 'constructor'), undefined);
  assert.equal(member(parsed, 'sub'), 'y');
});
