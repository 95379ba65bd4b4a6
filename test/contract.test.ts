import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorTable } from '../src/errors.ts';
import { contract } from './support/contract.ts';

type Described = { path: string; status: string; description: string };

/** Every error answer of every operation, references followed. */
const described: readonly Described[] = Object.entries(contract.paths).flatMap(([path, operations]) =>
  Object.values(operations).flatMap(({ responses }) =>
    Object.entries(responses)
      .filter(([status]) => Number(status) >= 400)
      .map(([status, response]) => {
        const shared = contract.components.responses[response.$ref?.split('/').at(-1) ?? ''];
        return { path, status, description: shared?.description ?? response.description ?? '' };
      }),
  ),
);

test('the contract and the code know the same problem codes', () => {
  assert.deepEqual(
    contract.components.schemas.ProblemCode.enum.toSorted(),
    Object.keys(errorTable).toSorted(),
  );
});

test('every problem code is named at the status that the code gives it', () => {
  for (const [code, { status }] of Object.entries(errorTable)) {
    // Nothing is at such a path, so no path can state it.
    if (code === 'ROUTE_NOT_FOUND') continue;
    const named = described.some((one) => one.status === String(status) && one.description.includes(code));
    assert.ok(named, `${code} is named at no ${status}`);
  }
});

test('no status is described with a code that has another', () => {
  for (const { path, status, description } of described) {
    for (const code of description.match(/\b[A-Z]+(?:_[A-Z]+)+\b|\bINTERNAL\b/g) ?? []) {
      const known = errorTable[code as keyof typeof errorTable];
      assert.equal(String(known?.status), status, `${code} at ${status} of ${path}`);
    }
  }
});

test('everything under /v1 states that it may refuse authentication, limit, fail and be unavailable', () => {
  for (const [path, operations] of Object.entries(contract.paths)) {
    if (!path.startsWith('/v1/')) continue;
    for (const { responses } of Object.values(operations)) {
      for (const status of ['400', '401', '405', '408', '429', '431', '500', '503']) {
        assert.ok(Object.hasOwn(responses, status), `${status} of ${path}`);
      }
    }
  }
});
