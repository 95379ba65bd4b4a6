import type { ServerResponse } from 'node:http';
import { ApiError } from './api-error.ts';
import type { Fault } from './faults.ts';

/** What is to be written, or that the connection is to be broken or left hanging. */
export type Reply =
  | { status: number; body: string; headers: Record<string, string> }
  | 'reset'
  | 'hang'
  | 'cut-off';

/** A fault that takes the place of the answer. */
export type AnswerFault = Exclude<Fault, { kind: 'latency' }>;

/** An answer of the API: its fields and the RequestId. */
export function jsonReply(status: number, requestId: string, body: Record<string, unknown>) {
  const headers: Record<string, string> = {
    'Content-Type': 'application/json;charset=utf-8',
    'x-acs-request-id': requestId,
  };
  return { status, body: JSON.stringify(body), headers };
}

/** An error as the front end of the API answers it. */
export function errorReply(error: ApiError, requestId: string, host: string): Reply {
  const reply = jsonReply(error.status, requestId, {
    RequestId: requestId,
    HostId: host,
    Code: error.code,
    Message: error.message,
    Recommend: `https://error-center.aliyun.com/status/search?Keyword=${encodeURIComponent(error.code)}&source=PopGw`,
  });
  if (error.retryAfterMs !== null) reply.headers['x-acs-retry-after'] = String(error.retryAfterMs);
  return reply;
}

/** What a scripted fault answers. Throws ApiError for a scripted error. */
export function faultReply(fault: AnswerFault, requestId: string): Reply {
  if (fault.kind === 'reset' || fault.kind === 'hang') return fault.kind;
  if (fault.kind === 'error') {
    throw new ApiError(fault.status, fault.code, fault.message, fault.retryAfterMs);
  }
  const json = { 'Content-Type': 'application/json' };
  switch (fault.answer) {
    case 'empty':
      return { status: 200, body: '', headers: {} };
    case 'html': {
      const headers = { 'Content-Type': 'text/html' };
      return { status: 502, body: '<html><body>Bad Gateway</body></html>', headers };
    }
    case 'cut-off':
      return 'cut-off';
    case 'redirect':
      return { status: 302, body: '', headers: { Location: 'http://127.0.0.1:1/' } };
    case 'no-request-id':
      return { status: 200, body: '{}', headers: json };
    case 'wrong-json':
      return { status: 200, body: `{"RequestId": ${requestId}`, headers: json };
    case 'array':
      return { status: 200, body: '[]', headers: json };
    case 'error-in-success':
      return jsonReply(200, requestId, { RequestId: requestId, Code: 'InternalError', Message: 'Scripted.' });
  }
}

export function writeReply(reply: Reply, res: ServerResponse): void {
  switch (reply) {
    case 'reset':
      res.socket?.resetAndDestroy();
      return;
    case 'hang':
      // The socket is kept until the client gives up or the emulator ends.
      return;
    case 'cut-off':
      res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': '1000' });
      res.write('{"RequestId":"', () => res.socket?.destroy());
      return;
    default:
      res.writeHead(reply.status, { ...reply.headers, 'Content-Length': Buffer.byteLength(reply.body) });
      res.end(reply.body);
  }
}
