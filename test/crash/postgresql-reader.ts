import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import pg from 'pg';
import {
  countRow,
  type LedgerReader,
  operationRow,
  queries,
  readWitness,
  recordRow,
} from './ledger-reader.ts';

const sql = queries((column, name) => `(${column}::json ->> '${name}')`, '$1');
/** A server that was killed does not answer; one that lives does in a few milliseconds. */
const patienceMs = 3_000;

/** What the thread is asked, and answers: the row, if any, or that the database could not be asked. */
export type ThreadQuestion = { id: number; clientToken: string };
export type ThreadAnswer = { id: number; row: unknown } | { id: number; unavailable: string };

/**
 * Reads a PostgreSQL database. The witness must be heard before the cloud acts, within one turn of the event loop:
 * a thread asks the database, and this one waits for it.
 */
export function postgresqlReader(url: string): LedgerReader {
  const { port1: port, port2: theirs } = new MessageChannel();
  const signal = new Int32Array(new SharedArrayBuffer(4));
  const thread = new Worker(new URL('./postgresql-witness.ts', import.meta.url), {
    workerData: { url, query: sql.witness, port: theirs, signal },
    transferList: [theirs],
  });
  thread.unref();
  let asked = 0;

  /** Null: no answer in time. */
  function ask(clientToken: string): ThreadAnswer | null {
    asked += 1;
    port.postMessage({ id: asked, clientToken } satisfies ThreadQuestion);
    for (let seen = Atomics.load(signal, 0); seen !== asked; seen = Atomics.load(signal, 0)) {
      if (Atomics.wait(signal, 0, seen, patienceMs) === 'timed-out') return null;
    }
    // One that came too late for its own question lies before it.
    for (let answer = received(port); ; answer = received(port)) if (answer.id === asked) return answer;
  }

  async function reading<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }

  return {
    witness(clientToken) {
      const answer = ask(clientToken);
      return answer !== null && 'row' in answer ? readWitness(answer.row) : { kind: 'unavailable' };
    },
    ledger: () =>
      reading(async (client) => {
        await client.query('begin isolation level repeatable read read only');
        return {
          operations: operationRow.array().parse((await client.query(sql.operations)).rows),
          records: recordRow.array().parse((await client.query(sql.records)).rows),
        };
      }),
    countUnfinished: () =>
      reading(async (client) => countRow.parse((await client.query(sql.unfinished)).rows[0])),
    async [Symbol.asyncDispose]() {
      port.close();
      await thread.terminate();
    },
  };
}

function received(port: MessagePort): ThreadAnswer {
  const got = receiveMessageOnPort(port);
  if (got === undefined) throw new Error('The witness signalled without an answer.');
  return got.message as ThreadAnswer;
}
