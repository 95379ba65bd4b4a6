import { type MessagePort, workerData } from 'node:worker_threads';
import pg from 'pg';
import type { ThreadAnswer, ThreadQuestion } from './postgresql-reader.ts';

// The thread of `postgresqlReader`: asks the database for one ClientToken after the other, and wakes who waits.
const { url, query, port, signal } = workerData as {
  url: string;
  query: string;
  port: MessagePort;
  signal: Int32Array;
};
let client: pg.Client | null = null;

async function ask({ id, clientToken }: ThreadQuestion): Promise<ThreadAnswer> {
  try {
    if (client === null) {
      const connecting = new pg.Client({
        connectionString: url,
        connectionTimeoutMillis: 1_000,
        query_timeout: 1_000,
      });
      connecting.on('error', () => {
        client = null;
      });
      await connecting.connect();
      client = connecting;
    }
    return { id, row: (await client.query(query, [clientToken])).rows[0] ?? null };
  } catch (error) {
    client = null;
    return { id, unavailable: String(error) };
  }
}

port.on('message', (question: ThreadQuestion) => {
  void ask(question).then((answer) => {
    port.postMessage(answer);
    Atomics.store(signal, 0, answer.id);
    Atomics.notify(signal, 0);
  });
});
