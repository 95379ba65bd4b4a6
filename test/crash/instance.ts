import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { AccessKey } from '../../src/emulator/signature.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const endAtFailPoint = new URL('./end-at-fail-point.ts', import.meta.url).href;
const replaceSource = new URL('./replace-source.ts', import.meta.url).href;

/** A change of the source under which the gateway runs, so that the checks are seen to find it. */
export type Replacement = { file: string; find: string; replace: string };

export type StartOptions = {
  /** The fail point at which the process ends, and at which of the times that it gets there. */
  failPoint: { name: string; times: number } | null;
  defect: readonly Replacement[];
};

/** A `portcullis serve` in a process of its own. Disposing it kills it. */
export type Instance = AsyncDisposable & {
  /** The id of its access key, by which the cloud knows it. */
  id: string;
  pid: number;
  /** Where it listens; rejects when it ends before. */
  listening: Promise<string>;
  /** Throws when it ended of itself, which no crash makes it do. */
  assertNotFailed(): void;
  /** Resolves when it has ended, with whether it was at its fail point. */
  ended: Promise<{ atFailPoint: boolean; signal: string | null; exitCode: number | null }>;
  alive(): boolean;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGSTOP or SIGCONT. */
  send(signal: 'SIGSTOP' | 'SIGCONT'): void;
  /** The last lines that it printed. */
  output(): string;
};

const keptLines = 12;
const keptColumns = 400;
/** Far longer than a start takes; only so that a test in vain ends. */
const startPatienceMs = 30_000;

export function startInstance(
  configFile: string,
  key: AccessKey,
  { failPoint, defect }: StartOptions,
): Instance {
  const imports = [
    ...(failPoint === null ? [] : ['--import', endAtFailPoint]),
    ...(defect.length === 0 ? [] : ['--import', replaceSource]),
  ];
  const child = spawn(process.execPath, [...imports, main, 'serve', '--config', configFile], {
    env: {
      PATH: process.env.PATH,
      ALIBABA_CLOUD_ACCESS_KEY_ID: key.accessKeyId,
      ALIBABA_CLOUD_ACCESS_KEY_SECRET: key.accessKeySecret,
      CRASH_AT: failPoint === null ? '' : `${failPoint.name}:${failPoint.times}`,
      CRASH_DEFECT: JSON.stringify(defect),
      // A thousand starts: they need not compile the same code again.
      ...(defect.length === 0
        ? { NODE_COMPILE_CACHE: join(tmpdir(), 'portcullis-crash-compile-cache') }
        : {}),
    },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  const keep = (line: string): void => {
    lines.push(line.slice(0, keptColumns));
    if (lines.length > keptLines) lines.shift();
  };
  let atFailPoint = false;
  child.stdio[3]?.on('data', () => {
    atFailPoint = true;
  });
  const ended = once(child, 'close').then(() => ({
    atFailPoint,
    signal: child.signalCode,
    exitCode: child.exitCode,
  }));
  const alive = () => child.exitCode === null && child.signalCode === null;
  if (child.stderr !== null) createInterface({ input: child.stderr }).on('line', keep);
  const listening = new Promise<string>((resolve, reject) => {
    if (child.stdout === null) throw new Error('The gateway has no stdout.');
    createInterface({ input: child.stdout }).on('line', (line) => {
      keep(line);
      if (!line.includes('"listening"')) return;
      const { msg, url } = JSON.parse(line) as { msg: string; url: string };
      if (msg === 'listening') resolve(url);
    });
    setTimeout(() => {
      reject(new Error(`The gateway does not listen:\n${lines.join('\n')}`));
    }, startPatienceMs).unref();
    void ended.then(({ signal, exitCode }) =>
      reject(new Error(`The gateway ended with ${signal ?? exitCode}:\n${lines.join('\n')}`)),
    );
  });
  // Who does not wait for it has killed it.
  listening.catch(() => undefined);
  return {
    id: key.accessKeyId,
    pid: child.pid ?? 0,
    listening,
    ended,
    alive,
    assertNotFailed() {
      if (child.exitCode !== null) {
        throw new Error(`The gateway ended of itself with ${child.exitCode}:\n${lines.join('\n')}`);
      }
    },
    async kill() {
      if (alive()) child.kill('SIGKILL');
      await ended;
    },
    send: (signal) => void child.kill(signal),
    output: () => lines.join('\n'),
    async [Symbol.asyncDispose]() {
      if (alive()) child.kill('SIGKILL');
      await ended;
    },
  };
}
