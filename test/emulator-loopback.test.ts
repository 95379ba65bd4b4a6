import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperatorError } from '../src/errors.ts';
import { emulatorWith } from './support/emulator.ts';

/** Starts one and, should that succeed against expectation, ends it again, so that the test fails and does not hang. */
async function startOn(host: string): Promise<void> {
  await using _cloud = await emulatorWith([], { host });
}

for (const host of ['127.0.0.1', 'localhost']) {
  test(`the emulator answers on ${host}`, async () => {
    await using cloud = await emulatorWith([], { host });
    const answer = await fetch(`${cloud.url}/_emulator/journal`);
    assert.deepEqual([answer.status, await answer.json()], [200, { entries: [] }]);
  });
}

const refused: Record<string, string> = {
  'every IPv4 address': '0.0.0.0',
  'every IPv6 address': '::',
  'every IPv4 address in its short form': '0',
  'an address of a network': '192.0.2.1',
  'an address that only begins like loopback': '12.7.0.1',
};
for (const [what, host] of Object.entries(refused)) {
  test(`the emulator, which asks nobody who they are, does not listen on ${what}`, async () => {
    await assert.rejects(startOn(host), (error: unknown) => {
      assert.ok(error instanceof OperatorError);
      assert.match(error.message, /serves this machine only. Let it listen on 127\.0\.0\.1/);
      return true;
    });
  });
}

test('a host without an address is told, and what to do', async () => {
  // Longer than any name may be, so that no name server is asked.
  const host = 'x'.repeat(300);
  await assert.rejects(startOn(host), (error: unknown) => {
    assert.ok(error instanceof OperatorError);
    assert.match(error.message, /x has no address\. Let the emulator listen on 127\.0\.0\.1/);
    return true;
  });
});
