import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

// The Node that runs this test comes first; nothing of the npm that may have started it is passed on.
const environment = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_TEST)/.test(name))),
  PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ''}`,
};

const packedSchema = z.tuple([
  z.object({ filename: z.string(), files: z.array(z.object({ path: z.string(), mode: z.int() })) }),
]);

async function pack(into: string) {
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', into], {
    cwd: root,
    env: environment,
  });
  const [packed] = packedSchema.parse(JSON.parse(stdout));
  return { tarball: join(into, packed.filename), files: packed.files };
}

/** Installs the tarball, as a user would, into a directory with nothing in it. */
async function install(tarball: string, directory: string) {
  mkdirSync(directory);
  writeFileSync(join(directory, 'package.json'), '{"private": true}');
  await run('npm', ['install', '--omit=dev', '--no-audit', '--no-fund', tarball], {
    cwd: directory,
    env: environment,
  });
  return join(directory, 'node_modules', '.bin', 'portcullis');
}

/** Runs the demo of the installed program until the scope ends; `url` is where its gateway answers. */
async function startInstalledDemo(program: string, stateDir: string) {
  const child = spawn(program, ['demo', '--port', '0', '--state-dir', stateDir], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  const stop = async (): Promise<number | null> => {
    if (child.exitCode === null) child.kill('SIGTERM');
    await ended;
    return child.exitCode;
  };
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /^Portcullis answers at (\S+)$/.exec(line)?.[1];
    if (url !== undefined) {
      child.stdout.resume();
      return { url, stop, [Symbol.asyncDispose]: async () => void (await stop()) };
    }
  }
  throw new Error(`The demo ended with ${await stop()} before it said where it answers.`);
}

test('the package, installed from its tarball, runs and deletes a gateway', async (t) => {
  using directory = temporaryDirectory();
  const { tarball, files } = await pack(directory.path);

  await t.test('it holds the program, the policy and the contract, and nothing to develop with', () => {
    const paths = files.map((file) => file.path);
    for (const needed of ['dist/main.js', 'policies/bundle.tar.gz', 'openapi.yaml', 'LICENSE', 'README.md']) {
      assert.ok(paths.includes(needed), `${needed} is packed`);
    }
    assert.deepEqual(
      paths.filter((path) => /\.ts$|\.rego$|^(src|test|bench|scripts)\//.test(path)),
      [],
    );
    assert.equal((files.find((file) => file.path === 'dist/main.js')?.mode ?? 0) & 0o111, 0o111);
  });

  const program = await install(tarball, join(directory.path, 'installed'));

  await t.test('its policy is the committed one', () => {
    const file = 'policies/bundle.tar.gz';
    const installed = join(directory.path, 'installed', 'node_modules', 'portcullis', file);
    assert.deepEqual(readFileSync(installed), readFileSync(join(root, file)));
  });

  await t.test('it is started by its name', async () => {
    const { stdout } = await run(program, ['--help'], { env: environment });
    assert.match(stdout, /^Usage: portcullis <command>/);
  });

  await t.test('its demo answers, deletes for a token of its own, and stops when asked to', async () => {
    const stateDir = join(directory.path, 'state');
    await using demo = await startInstalledDemo(program, stateDir);
    assert.equal((await fetch(`${demo.url}/livez`)).status, 200);

    const caller = ['--sub', 'ci-cleanup', '--roles', 'vpn-operator', '--teams', 'network-lab'];
    const token = await run(program, ['token', ...caller, '--state-dir', stateDir], { env: environment });
    const gateway = '/v1/regions/cn-hangzhou/enhanced-vpn-gateways/vpn-demodeletable1';
    const answer = await fetch(`${demo.url}${gateway}?reason=the+lab+is+over`, {
      method: 'DELETE',
      headers: { Authorization: `Bearer ${token.stdout.trim()}` },
    });
    assert.equal(answer.status, 200, await answer.text());
    assert.equal(await demo.stop(), 0);
  });
});
