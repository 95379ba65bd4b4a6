import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';

/** Why system calls cannot be traced here, or false. In continuous integration that is a failure, not a reason. */
export function straceMissing(): string | false {
  try {
    execFileSync('strace', ['-o', '/dev/null', '--', process.execPath, '--version'], { stdio: 'pipe' });
    return false;
  } catch (error) {
    if (process.env.CI === 'true') throw error;
    return `strace cannot be used here (${(error as Error).message.split('\n')[0]}). Install it, and permit ptrace.`;
  }
}

const detachPatienceMs = 1_000;

export type Trace = AsyncDisposable & {
  /** Lets the process go on untraced; nothing if it has ended. */
  detach(): Promise<void>;
  /** What was traced: one line a call, with the thread that made it. */
  lines(): string[];
};

/** Follows a process and all its threads from now on; resolves once every call of theirs is seen. */
export async function attachStrace(pid: number, logFile: string, options: readonly string[]): Promise<Trace> {
  const child = spawn('strace', ['-f', '-o', logFile, ...options, '-p', String(pid)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  const ended = once(child, 'close');
  await new Promise<void>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
      if (/attached/.test(said)) resolve();
    });
    void ended.then(() => reject(new Error(`strace ended:\n${said}`)));
  });
  const detach = async (): Promise<void> => {
    if (alive(child)) child.kill('SIGTERM');
    // It can fail to notice that what it traced was killed. Whatever it still traces goes on when it is gone.
    const last = setTimeout(() => child.kill('SIGKILL'), detachPatienceMs);
    await ended;
    clearTimeout(last);
  };
  return {
    detach,
    lines: () => readFileSync(logFile, 'utf8').split('\n'),
    [Symbol.asyncDispose]: detach,
  };
}

function alive(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}
