import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** A PostgreSQL server of its own, on loopback, that keeps what it confirmed as a real one does. */
export type PostgresServer = AsyncDisposable & {
  /** An empty database; its URL. */
  createDatabase(): Promise<string>;
  /** Ends every process of the server at once, as a power cut would. */
  kill(): Promise<void>;
  /** Starts it again on the same data and port; `settings` go over its own (names as in postgresql.conf). */
  restart(settings?: Readonly<Record<string, string>>): Promise<void>;
  /** Where its data are, for files that change what it is. */
  readonly data: string;
};

const patienceMs = 60_000;

/** Where the server's programs are; null on a machine without them. */
export function findPostgres(): string | null {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : [];
  const places = [
    ...versions.map((version) => join(debian, version, 'bin')),
    ...(process.env.PATH ?? '').split(':'),
  ];
  return (
    places.find((place) => existsSync(join(place, 'initdb')) && existsSync(join(place, 'postgres'))) ?? null
  );
}

/** Why tests on PostgreSQL are skipped here; false where they run, and always false on CI. */
export function withoutPostgres(): string | false {
  if (findPostgres() !== null || process.env.CI === 'true') return false;
  return 'PostgreSQL is not installed (Debian: apt-get install postgresql)';
}

export async function startPostgres(): Promise<PostgresServer> {
  const bin = findPostgres();
  if (bin === null) throw new Error('PostgreSQL is not installed (Debian: apt-get install postgresql).');
  const directory = mkdtempSync(join(tmpdir(), 'portcullis-postgres-'));
  const data = join(directory, 'data');
  const user = serverUser();
  if (user.uid !== undefined) chownSync(directory, user.uid, user.gid ?? user.uid);
  execFileSync(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'portcullis', '-A', 'trust', '-E', 'UTF8', '--no-locale'],
    {
      ...user,
      cwd: directory,
      stdio: 'pipe',
    },
  );
  const port = await freePort();
  let server = await start(bin, data, directory, port, user);

  async function stop(signal: NodeJS.Signals): Promise<void> {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    server.kill(signal);
    await ended;
  }

  return {
    data,
    async createDatabase() {
      const name = `test_${randomUUID().replaceAll('-', '')}`;
      const client = new pg.Client({ connectionString: urlOf(port, 'postgres') });
      await client.connect();
      await client.query(`create database ${name}`);
      await client.end();
      return urlOf(port, name);
    },
    async kill() {
      // Stopped, it starts no further children while they are listed.
      server.kill('SIGSTOP');
      const children = childrenOf(server.pid);
      await stop('SIGKILL');
      for (const pid of children) killIfThere(pid);
      await until(() => !children.some(lives), 'PostgreSQL goes on.');
    },
    async restart(settings = {}) {
      server = await start(bin, data, directory, port, user, settings);
    },
    async [Symbol.asyncDispose]() {
      // At once: nobody reads what it would still write.
      await stop('SIGQUIT');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Runs a statement on a connection of its own, as the server's superuser; its rows. */
export async function runSql(url: string, statement: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}

async function start(
  bin: string,
  data: string,
  directory: string,
  port: number,
  user: ServerUser,
  changes: Readonly<Record<string, string>> = {},
) {
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: directory,
    fsync: 'on',
    shared_buffers: '32MB',
    max_connections: '60',
    ...changes,
  };
  const args = [
    '-D',
    data,
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
  const server = spawn(join(bin, 'postgres'), args, {
    ...user,
    cwd: directory,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  server.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4_000);
  });
  const deadline = performance.now() + patienceMs;
  while (!(await accepts(port))) {
    if (server.exitCode !== null || performance.now() > deadline) {
      throw new Error(`PostgreSQL did not start:\n${said}`);
    }
    await sleep(50);
  }
  return server;
}

async function accepts(port: number): Promise<boolean> {
  const client = new pg.Client({ connectionString: urlOf(port, 'postgres'), connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function until(reached: () => boolean, otherwise: string): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!reached()) {
    if (performance.now() > deadline) throw new Error(otherwise);
    await sleep(10);
  }
}

/** Its processes leave the group of their parent, so that no signal reaches them all. */
function childrenOf(parent: number | undefined): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && statOf(Number(name))?.parent === parent)
    .map(Number);
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended in between.
  }
}

function lives(pid: number): boolean {
  return !['Z', 'X', undefined].includes(statOf(pid)?.state);
}

/** State and parent of a process (proc_pid_stat(5)); null when there is none. */
function statOf(pid: number): { state: string | undefined; parent: number } | null {
  try {
    // The name before may hold anything, parentheses too.
    const [state, parent] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return { state, parent: Number(parent) };
  } catch {
    return null;
  }
}

type ServerUser = { uid?: number; gid?: number };

/** PostgreSQL refuses to run as root; its package brings a user of its own. */
function serverUser(): ServerUser {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function urlOf(port: number, database: string): string {
  return `postgresql://portcullis:not-secret@127.0.0.1:${port}/${database}`;
}
