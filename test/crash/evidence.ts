/** What a crash leaves behind, gathered from the cloud's side, the database and the callers; times in ms since the epoch. */
export type Evidence = {
  /** Every deletion that reached the cloud, and every look that a gateway took, in the order of their arrival. */
  arrivals: readonly Arrival[];
  /** Deletions that the cloud accepted. */
  effects: readonly Effect[];
  operations: readonly OperationRow[];
  /** In the order of the log. */
  records: readonly RecordRow[];
  exchanges: readonly Exchange[];
  /** Within which nothing may be sent: the emergency stop, or a gateway that policy protects meanwhile. */
  forbidden: readonly Forbidden[];
  /** For how long an operation belongs to the process that began it; null where leases are not waited for. */
  leaseMs: number | null;
  /** Whether everything has had the time to come to its end. */
  settled: boolean;
};

export type Arrival = {
  atMs: number;
  /** The access key of the gateway process that sent it: each process has its own. */
  sender: string;
  action: string;
  resourceId: string;
  clientToken: string | null;
  /** What another connection could read in the ledger before the cloud did anything; null for a look. */
  witnessed: Witness | null;
};

export type Witness =
  /** The database was down, which proves nothing. */
  | { kind: 'unavailable' }
  | { kind: 'absent' }
  | {
      kind: 'intent';
      operationId: string;
      resourceId: string;
      state: string;
      tokenTrustedUntil: number;
      /** Audit records of decisions that allowed it: when it began, and in recovery. */
      decisions: number;
      recoveryDecisions: number;
    };

export type Effect = {
  atMs: number;
  resourceId: string;
  clientToken: string | null;
  effect: 'deleted' | 'replayed';
};

export type OperationRow = {
  createdAtMs: number;
  operationId: string;
  resourceId: string;
  state: string;
  clientToken: string;
  requestId: string;
  idempotencyKey: string | null;
  subject: string;
};

export type RecordRow = {
  sequence: number;
  atMs: number;
  kind: string;
  stage: string;
  result: string;
  operationId: string | null;
  clientToken: string | null;
  resourceId: string | null;
};

/** One request of a caller. */
export type Exchange = {
  requestId: string;
  subject: string;
  /** The process that it was sent to. */
  instance: string;
  resourceId: string;
  key: string | null;
  /** Null: no whole answer came. */
  answer: { status: number; body: AnswerBody } | null;
};

/** The members of an answer's body that promise something. */
export type AnswerBody = {
  operationId: string | null;
  clientToken: string | null;
  state: string | null;
  code: string | null;
  detail: string | null;
  upstreamRequestId: string | null;
};

export type Forbidden = { resourceId: string | null; fromMs: number; untilMs: number; why: string };
