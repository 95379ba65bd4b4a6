import { z } from 'zod';
import type { AmbiguousReason, AmbiguousReply, RpcReply } from './reply.ts';
import type { WireTrace } from './wire-watch.ts';

/** Printable ASCII without blanks; bounded, because it is logged, stored and answered. */
const requestId = z.string().regex(/^[\x21-\x7e]{1,128}$/);

const errorBody = z.object({
  Code: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/),
  Message: z.string(),
  RequestId: requestId,
});

const successBody = z.looseObject({ RequestId: requestId });

/** What the official client resolved with. */
const resolution = z.object({ statusCode: z.number().int(), body: z.unknown() });

/** What the official client throws for a 4xx or 5xx whose body is JSON. */
const serverError = z.object({ data: z.record(z.string(), z.unknown()) });

/** The reply when the official client resolved, which it does for redirects and for errors under 200 as well. */
export function classifyResolved(value: unknown, trace: WireTrace, regionId: string): RpcReply {
  const parsed = resolution.safeParse(value);
  if (!parsed.success) return ambiguous('unreadable', 'the client returned no response', trace, null);
  const { statusCode, body } = parsed.data;
  const id = requestId.safeParse(idOf(body)).data ?? null;
  const status = { ...trace, httpStatus: statusCode };
  if (statusCode >= 300 && statusCode < 400) return ambiguous('redirect', `HTTP ${statusCode}`, status, id);
  if (statusCode !== 200) return ambiguous('unreadable', `HTTP ${statusCode}`, status, id);
  const success = successBody.safeParse(body);
  if (!success.success) return ambiguous('no_request_id', 'HTTP 200 without a RequestId', status, null);
  if (statesError(success.data)) {
    return ambiguous('error_in_success', 'HTTP 200 with an error in its body', status, id);
  }
  return { kind: 'ok', requestId: success.data.RequestId, regionId, body: success.data };
}

/**
 * The reply when the official client threw. Its own words are no proof: it says ConnectTimeout for a request that was
 * delivered, so only the watch decides whether anything left. `secrets` are taken out of the cloud's message.
 */
export function classifyThrown(error: unknown, trace: WireTrace, secrets: readonly string[]): RpcReply {
  const cause = trace.ended ?? causeOf(error);
  if (trace.state === 'connecting') {
    return trace.ended === 'aborted'
      ? { kind: 'not_sent', reason: 'aborted_before_sending', cause }
      : { kind: 'not_sent', reason: 'no_connection', cause };
  }
  if (trace.ended === 'aborted') return ambiguous('aborted_in_flight', cause, trace, null);
  if (trace.ended === 'timeout' || trace.ended === 'connect_timeout' || isTimeout(error)) {
    return ambiguous('timeout', cause, trace, null);
  }
  if (trace.ended === 'too_large') return ambiguous('unreadable', cause, trace, null);

  const answered = serverError.safeParse(error);
  if (answered.success && trace.httpStatus !== null && trace.httpStatus >= 400) {
    const body = errorBody.safeParse(answered.data.data);
    // The client parses XML too, but it asked for JSON: whatever wrote that is not the API.
    if (body.success && !/xml/i.test(trace.contentType ?? '')) {
      const { Code, Message, RequestId } = body.data;
      return {
        kind: 'refused',
        httpStatus: trace.httpStatus,
        code: Code,
        message: safeMessage(Code, Message, secrets),
        requestId: RequestId,
        retryAfterMs: trace.retryAfterMs,
      };
    }
    const id = requestId.safeParse(answered.data.data.RequestId).data ?? null;
    return ambiguous('unreadable', 'an error of another shape', trace, id);
  }
  if (trace.httpStatus !== null && trace.httpStatus >= 300 && trace.httpStatus < 400) {
    return ambiguous('redirect', cause, trace, null);
  }
  // A system error is the connection's end; any other means that something was answered and was no answer.
  const lost = /^E[A-Z]+$/.test(cause) || (trace.httpStatus === null && !cause.startsWith('HPE_'));
  return ambiguous(lost ? 'connection_lost' : 'unreadable', cause, trace, null);
}

function ambiguous(
  reason: AmbiguousReason,
  cause: string,
  trace: WireTrace,
  id: string | null,
): AmbiguousReply {
  return { kind: 'ambiguous', reason, cause, httpStatus: trace.httpStatus, requestId: id };
}

/** Some of the cloud's APIs report failure under 200, in these two fields; the ones used here never set them. */
function statesError(body: Record<string, unknown>): boolean {
  return body.Success === false || body.Success === 'false' || body.Code !== undefined;
}

function idOf(body: unknown): unknown {
  return typeof body === 'object' && body !== null ? Reflect.get(body, 'RequestId') : undefined;
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name.endsWith('RequestTimeoutError');
}

/** A name or code such as ECONNRESET. Never the message: the client puts the whole URL into it. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  const code: unknown = Reflect.get(error, 'code');
  const word = typeof code === 'string' && /^[A-Z0-9_]{2,40}$/.test(code) ? code : error.name;
  return word.slice(0, 60);
}

/** Signature errors quote the string to sign, which holds the key id and the security token. */
function safeMessage(code: string, message: string, secrets: readonly string[]): string {
  if (/sign|accesskey|token|credential/i.test(code) || /to sign/i.test(message)) {
    return '(withheld: it can quote credentials)';
  }
  let text = message;
  for (const secret of secrets) {
    if (secret.length >= 4) text = text.replaceAll(secret, '***');
  }
  text = text.replace(/\b(LTAI|STS\.)[A-Za-z0-9._-]{4,}/g, '***').replace(/[\p{Cc}\p{Cf}]+/gu, ' ');
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
