/** One call of an RPC-style Alibaba Cloud API. */
export type RpcCall = {
  service: 'Vpc' | 'Sts';
  action: string;
  /** The API's version, a date such as `2016-04-28`. */
  version: string;
  /** Must be in the configured list; nothing is built from it before that is known. */
  regionId: string;
  /** The complete request; whoever builds it picks from an allow-list. */
  parameters: Readonly<Record<string, string>>;
  /** Milliseconds that this one attempt may take on the wire. */
  timeoutMs: number;
  /** Asked for the last time just before anything leaves; when it says no, nothing does. Null for a call that changes nothing. */
  mayLeave: (() => boolean) | null;
  /** Ends the attempt. When it was already on its way, the reply is `ambiguous`. */
  signal: AbortSignal;
};

/** Why it cannot be told from the answer whether the call had an effect. */
export type AmbiguousReason =
  | 'timeout'
  | 'connection_lost'
  | 'aborted_in_flight'
  | 'redirect'
  | 'unreadable'
  | 'no_request_id'
  | 'error_in_success';

/** Why it is certain that not one byte of the call left. */
export type NotSentReason =
  | 'region_not_allowed'
  | 'credentials_unavailable'
  | 'circuit_open'
  | 'concurrency_limit'
  | 'no_connection'
  | 'permission_over'
  | 'aborted_before_sending';

/** HTTP 200 with a RequestId and a JSON object that states no error. */
export type OkReply = { kind: 'ok'; requestId: string; regionId: string; body: Record<string, unknown> };

/** A well-formed error: JSON with Code, Message and RequestId under a 4xx or 5xx status. */
export type RefusedReply = {
  kind: 'refused';
  httpStatus: number;
  code: string;
  /** The cloud's words, bounded and without secrets: for logs, never for callers. */
  message: string;
  requestId: string;
  /** From the header `x-acs-retry-after`, in milliseconds. */
  retryAfterMs: number | null;
};

/** Anything else that may have reached the cloud. */
export type AmbiguousReply = {
  kind: 'ambiguous';
  reason: AmbiguousReason;
  /** For logs: an error's name or code; never a URL, header or body. */
  cause: string;
  httpStatus: number | null;
  requestId: string | null;
};

/** What certainly never left this machine. */
export type NotSentReply = { kind: 'not_sent'; reason: NotSentReason; cause: string };

export type RpcReply = OkReply | RefusedReply | AmbiguousReply | NotSentReply;

/** Makes one attempt and says what is known of it. Never throws for anything that the wire or the cloud did. */
export type Rpc = (call: RpcCall) => Promise<RpcReply>;
