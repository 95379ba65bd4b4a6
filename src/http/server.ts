import { createServer, type Server, type ServerOptions, STATUS_CODES } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Express } from 'express';
import { errorTable, OperatorError } from '../errors.ts';
import type { TlsSource } from './tls.ts';

export type ListeningServer = {
  readonly url: string;
  readonly port: number;
  /** Takes no more connections, lets what is in flight end for up to `graceMs`, then closes what is left. */
  stop(graceMs: number): Promise<void>;
};

/** Tighter than Node's own (60 s, 300 s, checked every 30 s): no request to a guard takes long to arrive. */
const limits = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 65_000,
  maxHeaderSize: 16 * 1024,
  requireHostHeader: true,
  insecureHTTPParser: false,
} as const satisfies ServerOptions;

/**
 * Listens with `app` on host and port (0: any free one), over TLS when a source of certificates is given.
 * Rejects with OperatorError that says what to do when the port is taken or may not be used.
 */
export async function listen(
  app: Express,
  where: { host: string; port: number; portSetting: string },
  tls: TlsSource | null,
): Promise<ListeningServer> {
  const server: Server =
    tls === null ? createServer(limits, app) : createTlsServer({ ...limits, ...tls.current() }, app);
  server.maxHeadersCount = 100;
  server.on('clientError', answerUnparsable);
  if (tls !== null)
    tls.onChange((context) => (server as ReturnType<typeof createTlsServer>).setSecureContext(context));
  await bind(server, where);
  const { port } = server.address() as AddressInfo;
  const host = where.host.includes(':') ? `[${where.host}]` : where.host;
  return {
    url: `${tls === null ? 'http' : 'https'}://${host}:${port}`,
    port,
    stop: (graceMs) => stop(server, graceMs),
  };
}

function bind(server: Server, where: { host: string; port: number; portSetting: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new OperatorError(listenFailure(error, where), { cause: error }));
    });
    server.listen(where.port, where.host, resolve);
  });
}

function listenFailure(
  error: NodeJS.ErrnoException,
  { host, port, portSetting }: { host: string; port: number; portSetting: string },
): string {
  const at = `${host}:${port}`;
  if (error.code === 'EADDRINUSE') {
    return `${at} is in use by another process. Stop that one, or choose another port with ${portSetting}.`;
  }
  if (error.code === 'EACCES') {
    return `This user may not listen on ${at}. Choose a port above 1023 with ${portSetting}.`;
  }
  return `Cannot listen on ${at} (${error.code ?? error.message}). Check the host and the port (${portSetting}).`;
}

async function stop(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // A connection that falls idle after its last answer would otherwise be kept for as long as the client likes.
  const sweep = setInterval(() => server.closeIdleConnections(), 20);
  const giveUp = setTimeout(() => server.closeAllConnections(), graceMs);
  giveUp.unref();
  await closed;
  clearInterval(sweep);
  clearTimeout(giveUp);
}

/** What cannot be parsed as HTTP never reaches the application; it is answered in the same form all the same. */
function answerUnparsable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [code, detail] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? (['HEADERS_TOO_LARGE', 'The header is larger than 16 KiB. Send a smaller one.'] as const)
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? (['REQUEST_TIMEOUT', 'The request did not arrive in time. Send it again.'] as const)
        : (['INVALID_REQUEST', 'This is not well-formed HTTP/1.1. Correct it and send it again.'] as const);
  const { status, title, retryable } = errorTable[code];
  const type = `urn:portcullis:problem:${code.toLowerCase().replaceAll('_', '-')}`;
  const body = JSON.stringify({
    type,
    title,
    status,
    detail: `${detail} Nothing was deleted.`,
    code,
    retryable,
  });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nCache-Control: no-store\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
