import assert from 'node:assert/strict';
import { chmodSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { runCommand, startCommand } from './support/command-line.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const commands = [
  'demo',
  'serve',
  'emulator',
  'token',
  'policy build',
  'policy test',
  'policy check',
  'audit list',
];

test('without arguments, it lists its commands', async () => {
  for (const args of [[], ['--help']]) {
    const { exitCode, stdout } = await runCommand(args);
    assert.equal(exitCode, 0);
    for (const command of commands) assert.ok(stdout.includes(`  ${command} `), `${command} in\n${stdout}`);
  }
});

for (const command of commands) {
  test(`${command} --help says how it is used`, async () => {
    const { exitCode, stdout } = await runCommand([...command.split(' '), '--help']);
    assert.equal(exitCode, 0);
    assert.match(stdout, new RegExp(`Usage: portcullis ${command}`));
  });
}

const bad: readonly [string, readonly string[], RegExp][] = [
  ['an unknown command', ['delete-everything'], /There is no command `delete-everything`/],
  ['half a command', ['audit'], /There is no command `audit`/],
  ['an unknown option', ['demo', '--force'], /--force/],
  ['an argument too many', ['demo', 'now'], /takes other arguments/],
  ['an argument too few', ['policy', 'build'], /takes other arguments/],
  ['a port in words', ['demo', '--port', 'http'], /--port http is no port/],
  ['a port too high', ['demo', '--port', '65536'], /--port 65536 is no port/],
  ['a token for nobody', ['token'], /--sub/],
  [
    'claims that are no object',
    ['token', '--sub', 'a', '--issuer-claims', '[1]'],
    /--issuer-claims is no JSON object/,
  ],
  ['a ttl of nothing', ['token', '--sub', 'a', '--ttl', '0'], /--ttl 0/],
  ['a limit in words', ['audit', 'list', '--limit', 'all'], /--limit all/],
  [
    'a state directory without a ledger',
    ['audit', 'list', '--state-dir', '/nonexistent'],
    /no readable database at/,
  ],
  ['no settings', ['serve'], /accountId[\s\S]*regions[\s\S]*issuers/],
  ['a settings file that is not there', ['serve', '--config', '/nonexistent.yaml'], /nonexistent\.yaml/],
];
for (const [name, args, expected] of bad) {
  test(`refused: ${name}`, async () => {
    using directory = temporaryDirectory();
    const { exitCode, stdout, stderr } = await runCommand(args, {
      environment: { PORTCULLIS_STATE_DIR: directory.path },
    });
    assert.equal(exitCode, 1);
    assert.match(stderr, expected);
    assert.equal(stdout, '');
    assert.doesNotMatch(stderr, /\n\s+at /, 'no stack trace for what a person can mend');
  });
}

test('the demo prints commands that work as they stand', async () => {
  using directory = temporaryDirectory();
  await using demo = startCommand(['demo', '--port', '0', '--state-dir', directory.path]);
  const text = await demo.printed(/Ctrl-C/);
  const url = /answers at (\S+)/.exec(text)?.[1] ?? '';
  assert.equal((await fetch(`${url}/readyz`)).status, 200);

  const tokenArguments = /npm run -s token -- (.*)\)$/m.exec(text)?.[1]?.split(' ') ?? [];
  const token = await runCommand(['token', ...tokenArguments]);
  assert.equal(token.exitCode, 0);
  assert.match(token.stdout, /^[\w-]+\.[\w-]+\.[\w-]+\n$/, 'a token and nothing else');

  const [deletion = '', refusal = ''] = [...text.matchAll(/(http\S+enhanced-vpn-gateways\/[^\s']+)/g)].map(
    ([, target]) => target,
  );
  const remove = async (target: string) => {
    const response = await fetch(target, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${token.stdout.trim()}` },
    });
    return { status: response.status, body: z.looseObject({}).parse(await response.json()) };
  };
  const deleted = await remove(deletion);
  assert.deepEqual([deleted.status, deleted.body.state], [200, 'accepted']);
  const refused = await remove(refusal);
  assert.deepEqual([refused.status, refused.body.code], [403, 'POLICY_DENIED']);

  const audit = await runCommand(['audit', 'list', '--state-dir', directory.path]);
  assert.match(audit.stdout, /decision allowed .*vpn-demodeletable1/);
  assert.match(audit.stdout, /decision refused {3}POLICY_DENIED .*vpn-demoprotected1/);
  const json = await runCommand([
    'audit',
    'list',
    '--state-dir',
    directory.path,
    '--code',
    'POLICY_DENIED',
    '--json',
  ]);
  assert.equal(JSON.parse(json.stdout).violations[0].code, 'PROTECTED_BY_ID');

  for (const file of readdirSync(directory.path).filter((name) => name !== 'demo.log')) {
    assert.equal(statSync(join(directory.path, file)).mode & 0o777, 0o600, file);
  }
  demo.process.kill('SIGTERM');
  assert.equal((await demo.finished).exitCode, 0);
});

test('a port in use is said, with what to do', async () => {
  using directory = temporaryDirectory();
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as AddressInfo;
  try {
    const { exitCode, stderr } = await runCommand([
      'demo',
      '--port',
      String(port),
      '--state-dir',
      directory.path,
    ]);
    assert.equal(exitCode, 1);
    assert.match(stderr, new RegExp(`127\\.0\\.0\\.1:${port} is in use.*--port`));
    assert.doesNotMatch(stderr, /\n\s+at /);
  } finally {
    taken.close();
  }
});

test('a state directory that is a file, or not writable, is said, with what to do', async (context) => {
  using directory = temporaryDirectory();
  const file = join(directory.path, 'file');
  writeFileSync(file, '');
  const onFile = await runCommand(['demo', '--port', '0', '--state-dir', file]);
  assert.equal(onFile.exitCode, 1);
  assert.match(onFile.stderr, /state directory .* is not writable .*--state-dir/);
  if (process.getuid?.() === 0) {
    context.diagnostic('root may write everywhere: the case without rights runs for other users only');
    return;
  }
  chmodSync(directory.path, 0o500);
  const withoutRights = await runCommand([
    'demo',
    '--port',
    '0',
    '--state-dir',
    join(directory.path, 'state'),
  ]);
  chmodSync(directory.path, 0o700);
  assert.equal(withoutRights.exitCode, 1);
  assert.match(withoutRights.stderr, /is not writable/);
});
