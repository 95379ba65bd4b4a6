import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One scripted answer; it may be a broken one. */
export type Answer = (res: ServerResponse, req: IncomingMessage) => void;

export type SeenRequest = {
  action: string;
  method: string;
  parameters: Record<string, string>;
  headers: Record<string, string | string[] | undefined>;
};

export type ScriptedCloud = {
  /** `127.0.0.1:port` */
  host: string;
  /** Every request received, in order. */
  requests: SeenRequest[];
  /** The next answers to an action; the last of them repeats. */
  answer(action: string, ...answers: [Answer, ...Answer[]]): void;
  /** Resolves when the action has been received `count` times. */
  received(action: string, count: number): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return raw(status, JSON.stringify(body), { 'content-type': 'application/json;charset=utf-8', ...headers });
}

export function raw(status: number, text: string, headers: Record<string, string> = {}): Answer {
  return (res) => res.writeHead(status, headers).end(text);
}

/** An error as the API's front end words it. */
export function refusal(status: number, code: string, headers: Record<string, string> = {}): Answer {
  const body = {
    RequestId: `REQ-${code}`,
    HostId: 'vpc.example',
    Code: code,
    Message: `About ${code}.`,
    Recommend: 'https://example.invalid/help',
  };
  return json(status, body, headers);
}

export const ok: Answer = json(200, { RequestId: 'REQ-OK' });
export const reset: Answer = (res) => res.socket?.destroy();
export const silence: Answer = () => undefined;
/** Announces more than it sends, and ends the connection. */
export const cutOff: Answer = (res) => {
  res.writeHead(200, { 'content-length': '1000', 'content-type': 'application/json' });
  res.write('{"RequestId":"REQ-', () => res.socket?.destroy());
};
/** Chunked, and ended without the last chunk. */
export const cutOffChunked: Answer = (res) => {
  res.writeHead(200, { 'content-type': 'application/json' });
  res.write('{"RequestId":"REQ-CUT"}', () => res.socket?.destroy());
};
export function after(ms: number, answer: Answer): Answer {
  return (res, req) => {
    setTimeout(() => answer(res, req), ms);
  };
}

/** A server that speaks HTTP and answers by script, whatever it is asked. */
export async function startScriptedCloud(): Promise<ScriptedCloud> {
  const scripts = new Map<string, Answer[]>();
  const requests: SeenRequest[] = [];
  const waiting: { action: string; count: number; resolve: () => void }[] = [];
  const countOf = (action: string) => requests.filter((request) => request.action === action).length;

  const server = createServer((req, res) => {
    const url = new URL(req.url ?? '/', 'http://cloud.invalid');
    const action = String(req.headers['x-acs-action']);
    requests.push({
      action,
      method: req.method ?? '',
      parameters: Object.fromEntries(url.searchParams),
      headers: req.headers,
    });
    for (const wait of waiting) if (countOf(wait.action) >= wait.count) wait.resolve();
    const script = scripts.get(action) ?? [refusal(400, 'NotScripted')];
    const answer = script.length > 1 ? script.shift() : script[0];
    req.resume();
    answer?.(res, req);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    answer: (action, ...answers) => scripts.set(action, [...answers]),
    received: (action, count) =>
      new Promise((resolve) => {
        if (countOf(action) >= count) resolve();
        else waiting.push({ action, count, resolve });
      }),
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
