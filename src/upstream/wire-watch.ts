import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest, IncomingMessage } from 'node:http';

/**
 * What the wire did for one call. The official client hides it: it drops the headers of error answers (and with them
 * `x-acs-retry-after`), loses the status of an answer that is no JSON, calls every silence a ConnectTimeout, and
 * cannot be stopped.
 */
export type WireTrace = {
  /**
   * `connecting`: a socket was seen that had not connected, so nothing can have been sent. `connected`: something may
   * have been. `unseen`: nothing is known, which proves nothing.
   */
  state: 'unseen' | 'connecting' | 'connected';
  httpStatus: number | null;
  contentType: string | null;
  retryAfterMs: number | null;
  /** Why this watch itself ended the request. */
  ended: 'connect_timeout' | 'timeout' | 'aborted' | 'too_large' | null;
};

export type WireLimits = { connectTimeoutMs: number; timeoutMs: number; maxBytes: number };

export type WireWatch = Disposable & {
  /** Watches the request whose `x-acs-signature-nonce` is `nonce`, until the returned watch is disposed. */
  watch(nonce: string, limits: WireLimits, signal: AbortSignal): { trace: WireTrace } & Disposable;
};

const requestCreated = 'http.client.request.created';

/**
 * Follows requests through Node's diagnostics channel. A request is known by its signature nonce, so that the
 * requests of the credentials chain, made in the same asynchronous context, are never taken for the call.
 */
export function createWireWatch(): WireWatch {
  const watched = new Map<string, (request: ClientRequest) => void>();
  const onCreated = (message: unknown): void => {
    const { request } = message as { request: ClientRequest };
    const nonce = request.getHeader('x-acs-signature-nonce');
    if (typeof nonce === 'string') watched.get(nonce)?.(request);
  };
  subscribe(requestCreated, onCreated);
  return {
    watch(nonce, limits, signal) {
      const { trace, attach, dispose } = follow(limits, signal);
      watched.set(nonce, attach);
      return {
        trace,
        [Symbol.dispose]() {
          watched.delete(nonce);
          dispose();
        },
      };
    },
    [Symbol.dispose]() {
      watched.clear();
      unsubscribe(requestCreated, onCreated);
    },
  };
}

function follow(limits: WireLimits, signal: AbortSignal) {
  const trace: WireTrace = {
    state: 'unseen',
    httpStatus: null,
    contentType: null,
    retryAfterMs: null,
    ended: null,
  };
  let request: ClientRequest | null = null;
  const end = (why: NonNullable<WireTrace['ended']>): void => {
    trace.ended ??= why;
    request?.destroy(new Error(why));
  };
  const onAbort = (): void => end('aborted');
  signal.addEventListener('abort', onAbort, { once: true });
  const overall = setTimeout(() => end('timeout'), limits.timeoutMs);
  let connecting: NodeJS.Timeout | undefined;

  const attach = (created: ClientRequest): void => {
    request = created;
    if (trace.ended !== null) {
      created.destroy(new Error(trace.ended));
      return;
    }
    created.once('socket', (socket) => {
      if (!socket.connecting) {
        trace.state = 'connected';
        return;
      }
      trace.state = 'connecting';
      connecting = setTimeout(() => end('connect_timeout'), limits.connectTimeoutMs);
      // Node writes the request only from this event on, so without it nothing has left.
      socket.once('connect', () => {
        clearTimeout(connecting);
        trace.state = 'connected';
      });
    });
    created.once('response', (response) => {
      noteResponse(trace, response);
      boundBody(response, limits.maxBytes, () => end('too_large'));
    });
  };
  const dispose = (): void => {
    clearTimeout(overall);
    clearTimeout(connecting);
    signal.removeEventListener('abort', onAbort);
  };
  return { trace, attach, dispose };
}

function noteResponse(trace: WireTrace, response: IncomingMessage): void {
  trace.httpStatus = response.statusCode ?? null;
  trace.contentType = response.headers['content-type'] ?? null;
  const retryAfter = response.headers['x-acs-retry-after'];
  if (typeof retryAfter === 'string' && /^\d{1,9}$/.test(retryAfter)) trace.retryAfterMs = Number(retryAfter);
}

/** Counts only once somebody reads: an own 'data' listener any earlier would swallow the first bytes. */
function boundBody(response: IncomingMessage, maxBytes: number, onExcess: () => void): void {
  let bytes = 0;
  response.once('resume', () => {
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxBytes) onExcess();
    });
  });
}
