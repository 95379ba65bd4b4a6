/**
 * The one table of error codes: what HTTP status each has, whether sending the same request again can help,
 * and a title that never changes. Callers branch on `code`; the detail of a problem is for people.
 */
export const errorTable = {
  INVALID_REQUEST: { status: 400, retryable: false, title: 'The request is malformed' },
  UNAUTHENTICATED: { status: 401, retryable: false, title: 'A valid access token is required' },
  POLICY_DENIED: { status: 403, retryable: false, title: 'Policy refuses this deletion' },
  ROLE_REQUIRED: { status: 403, retryable: false, title: 'This needs a role that the caller lacks' },
  ROUTE_NOT_FOUND: { status: 404, retryable: false, title: 'There is nothing at this path' },
  OPERATION_NOT_FOUND: { status: 404, retryable: false, title: 'There is no such operation' },
  GATEWAY_NOT_FOUND: { status: 404, retryable: false, title: 'There is no such VPN gateway' },
  METHOD_NOT_ALLOWED: { status: 405, retryable: false, title: 'This path does not take that method' },
  GATEWAY_CONFIGURING: { status: 409, retryable: true, title: 'The gateway is being configured' },
  GATEWAY_TASK_CONFLICT: { status: 409, retryable: true, title: 'Another task on the gateway is running' },
  GATEWAY_HAS_CONNECTIONS: { status: 409, retryable: false, title: 'The gateway still has connections' },
  GATEWAY_PREPAID_IN_TERM: { status: 409, retryable: false, title: 'The prepaid term has not ended' },
  OPERATION_IN_PROGRESS: { status: 409, retryable: true, title: 'A deletion of this gateway is under way' },
  REQUEST_TIMEOUT: { status: 408, retryable: true, title: 'The request did not arrive in time' },
  IDEMPOTENCY_KEY_REUSED: {
    status: 422,
    retryable: false,
    title: 'This idempotency key belongs to another request',
  },
  TOO_MANY_FAILED_AUTHENTICATIONS: { status: 429, retryable: true, title: 'Too many failed authentications' },
  BUDGET_EXHAUSTED: { status: 429, retryable: true, title: 'The budget of deletions is used up' },
  RATE_LIMITED: { status: 429, retryable: true, title: 'Too many requests' },
  HEADERS_TOO_LARGE: { status: 431, retryable: false, title: 'The header of the request is too large' },
  INTERNAL: { status: 500, retryable: true, title: 'Portcullis failed' },
  UPSTREAM_IDENTITY_REFUSED: {
    status: 502,
    retryable: false,
    title: 'The cloud refuses the identity of Portcullis',
  },
  UPSTREAM_FORBIDDEN: { status: 502, retryable: false, title: 'The cloud forbids this to Portcullis' },
  UPSTREAM_TOKEN_MISMATCH: {
    status: 502,
    retryable: false,
    title: 'The cloud knows this ClientToken from another request',
  },
  UPSTREAM_THROTTLED: { status: 502, retryable: true, title: 'The cloud throttles Portcullis' },
  UPSTREAM_ERROR: { status: 502, retryable: true, title: 'The cloud answered with an error' },
  UPSTREAM_UNINTELLIGIBLE: {
    status: 502,
    retryable: true,
    title: 'The cloud gave an answer that cannot be read',
  },
  UPSTREAM_BUSY: {
    status: 502,
    retryable: true,
    title: 'Calls to this region are suspended or at their limit',
  },
  UPSTREAM_TIMEOUT: { status: 504, retryable: true, title: 'The cloud did not answer in time' },
  KEYS_UNAVAILABLE: { status: 503, retryable: true, title: 'The keys to verify this token cannot be had' },
  POLICY_UNAVAILABLE: { status: 503, retryable: true, title: 'Policy cannot be evaluated' },
  STORE_UNAVAILABLE: { status: 503, retryable: true, title: 'The request cannot be recorded' },
  CREDENTIALS_UNAVAILABLE: {
    status: 503,
    retryable: true,
    title: 'Portcullis has no usable cloud credentials',
  },
  DELETIONS_STOPPED: { status: 503, retryable: true, title: 'An operator has stopped all deletions' },
  SHUTTING_DOWN: { status: 503, retryable: true, title: 'This instance is shutting down' },
} as const satisfies Record<string, { status: number; retryable: boolean; title: string }>;

/** A stable, upper-case problem code. */
export type ErrorCode = keyof typeof errorTable;

/** One reason why policy refuses, as the policy returned it. */
export type Violation = {
  /** Stable upper-case code of the rule, from the rule's METADATA. */
  code: string;
  /** Name of the rule's folder under `policies/rules`. */
  rule: string;
  message: string;
  /** What the caller can do about it. */
  remedy: string;
  /** Facts that the message rests on; flat, never secret. */
  details: Record<string, unknown>;
  /** True where this reason alone may be shown to the caller (the caller lacks permission). */
  exclusive: boolean;
};

/** What the cloud said, in so far as a caller may know it. `code` and `requestId` are the cloud's own. */
export type UpstreamReport = {
  service: 'Vpc' | 'Sts';
  action: string;
  code: string | null;
  requestId: string | null;
  httpStatus: number | null;
};

/** Where a budget stands. */
export type BudgetState = {
  scope: 'principal' | 'tenant' | 'region' | 'all';
  window: 'hour' | 'day';
  limit: number;
  /** Deletions that may still be begun. */
  remaining: number;
  /** Milliseconds until one more is free again, at the latest. */
  resetMs: number;
};

export type ProblemOptions = {
  cause?: unknown;
  violations?: readonly Violation[];
  upstream?: UpstreamReport;
  operationId?: string;
  decisionId?: string;
  /** Milliseconds after which a retry can help; answered as `Retry-After` in whole seconds, rounded up. */
  retryAfterMs?: number;
  /** For UNAUTHENTICATED: whether a token was sent; only then is an error named (RFC 6750 section 3). */
  tokenSent?: boolean;
  /** For BUDGET_EXHAUSTED: the budgets that leave no room. */
  budgets?: readonly BudgetState[];
  /** Names of the parts of the request that are at fault, for INVALID_REQUEST. */
  fields?: readonly string[];
};

/**
 * A refusal or failure that a caller is told of. `detail` says what happened, why, and what to do next, and never
 * holds a secret; whatever must stay inside goes into `cause`, which is logged and not answered.
 */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ErrorCode;
  readonly detail: string;
  readonly options: Readonly<ProblemOptions>;

  constructor(code: ErrorCode, detail: string, options: ProblemOptions = {}) {
    super(`${code}: ${detail}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.detail = detail;
    this.options = options;
  }

  get status(): number {
    return errorTable[this.code].status;
  }

  get retryable(): boolean {
    return errorTable[this.code].retryable;
  }
}

/**
 * Something outside the code that keeps Portcullis from starting or a command from working: a setting, a port, a file.
 * Its message says what happened, why, and what to do; no stack is shown with it.
 */
export class OperatorError extends Error {
  override readonly name: string = 'OperatorError';
}
