import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Stands between a client and PostgreSQL on loopback, and breaks connections when it is told to. */
export type PostgresProxy = AsyncDisposable & {
  readonly port: number;
  /** From now on a new connection breaks with its first statement. */
  cutFirstQueries(cutting: boolean): void;
  /** Breaks every connection there is. */
  cutAll(): void;
};

/** The first byte of a simple query (https://www.postgresql.org/docs/current/protocol-message-formats.html). */
const simpleQuery = 'Q'.charCodeAt(0);

export async function startProxy(port: number): Promise<PostgresProxy> {
  const sockets = new Set<Socket>();
  let cuttingFirst = false;
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    let asked = false;
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    client.on('data', (chunk) => {
      const isQuery = chunk[0] === simpleQuery;
      if (isQuery && !asked && cuttingFirst) end();
      else upstream.write(chunk);
      asked ||= isQuery;
    });
    upstream.on('data', (chunk) => client.write(chunk));
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', end).on('close', end);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cutAll = () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cutFirstQueries(cutting) {
      cuttingFirst = cutting;
    },
    cutAll,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      cutAll();
      await closed;
    },
  };
}
