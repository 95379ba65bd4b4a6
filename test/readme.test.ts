import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { environmentVariables } from '../src/config.ts';
import { errorTableMarkdown } from '../src/operations/gateway-errors.ts';

const page = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

test('the documentation shows the error table that the code uses', () => {
  assert.ok(
    page('docs/errors.md').includes(errorTableMarkdown()),
    'paste errorTableMarkdown() into docs/errors.md',
  );
});

test('the README names every environment variable', () => {
  const readme = page('README.md');
  for (const variable of Object.keys(environmentVariables)) {
    assert.ok(readme.includes(`\`${variable}\``), `${variable} is not in the README`);
  }
});
