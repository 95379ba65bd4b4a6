import { commonErrors, type UpstreamErrorRow } from './errors.ts';
import type { OkReply, Rpc, RpcCall } from './reply.ts';
import { type Pace, waitBefore } from './retry.ts';
import { type FailedReply, judge } from './verdict.ts';

/** A call that changes nothing, so that it may be repeated after any failure that can pass. */
export type ReadCall = Omit<RpcCall, 'timeoutMs' | 'mayLeave'> & {
  /** Milliseconds since the epoch, by `pace.now`: when no attempt begins any more and the last one ends. */
  deadlineMs: number;
};

export type ReadResult =
  | { ok: true; reply: OkReply; attempts: number }
  | { ok: false; reply: FailedReply; row: UpstreamErrorRow; attempts: number };

const backoff = { baseMs: 100, maxMs: 2_000, leastAttemptMs: 100 };

/** Reads until there is an answer, an error that repeating cannot help, or no time left. */
export async function read(
  { rpc, pace }: { rpc: Rpc; pace: Pace },
  { deadlineMs, ...call }: ReadCall,
  errors: readonly UpstreamErrorRow[] = commonErrors,
): Promise<ReadResult> {
  for (let attempts = 1; ; attempts += 1) {
    const reply = await rpc({ ...call, mayLeave: null, timeoutMs: Math.max(1, deadlineMs - pace.now()) });
    if (reply.kind === 'ok') return { ok: true, reply, attempts };
    const row = judge(errors, reply);
    if (!row.retry) return { ok: false, reply, row, attempts };
    const floorMs = reply.kind === 'refused' ? reply.retryAfterMs : null;
    const wait = waitBefore(attempts, floorMs, deadlineMs, backoff, pace);
    if (wait === null) return { ok: false, reply, row, attempts };
    await pace.sleep(wait, call.signal);
  }
}
