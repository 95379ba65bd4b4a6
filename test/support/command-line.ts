import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

export type Finished = { exitCode: number | null; stdout: string; stderr: string };

export type RunningCommand = AsyncDisposable & {
  process: ChildProcess;
  stdout: () => string;
  stderr: () => string;
  /** Resolves with the whole output so far once stdout matches; rejects when the process ends before. */
  printed(pattern: RegExp): Promise<string>;
  finished: Promise<Finished>;
};

type Options = { cwd?: string; environment?: Record<string, string> };

/** Starts `portcullis …` with a clean environment. Disposing it ends the process and waits for it. */
export function startCommand(
  args: readonly string[],
  { cwd = root, environment = {} }: Options = {},
): RunningCommand {
  const child = spawn(process.execPath, [program, ...args], {
    cwd,
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  const finished = once(child, 'close').then(() => ({ exitCode: child.exitCode, stdout, stderr }));
  return {
    process: child,
    stdout: () => stdout,
    stderr: () => stderr,
    finished,
    async printed(pattern) {
      while (!pattern.test(stdout)) {
        const ended = await Promise.race([
          once(child.stdout, 'data').then(() => false),
          finished.then(() => true),
        ]);
        if (ended && !pattern.test(stdout))
          throw new Error(`It ended without printing ${pattern}:\n${stdout}\n${stderr}`);
      }
      return stdout;
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null) child.kill('SIGTERM');
      await finished;
    },
  };
}

/** Runs `portcullis …` to its end. */
export async function runCommand(args: readonly string[], options: Options = {}): Promise<Finished> {
  return startCommand(args, options).finished;
}
