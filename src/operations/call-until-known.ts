import type { UpstreamReport } from '../errors.ts';
import type { CallOutcome, Look, SendPermission } from '../guard/cloud-operation.ts';
import type { UpstreamErrorRow } from '../upstream/errors.ts';
import type { Rpc, RpcCall } from '../upstream/reply.ts';
import { type Pace, waitBefore } from '../upstream/retry.ts';
import { judge, problemOf, reportOf } from '../upstream/verdict.ts';

export type CallDeps = {
  rpc: Rpc;
  pace: Pace;
  errors: readonly UpstreamErrorRow[];
  /** The code that, after an ambiguous attempt, can only come of that attempt's own success. */
  notFound: string;
  /** Looks at the resource; within its own time, since the deadline may have passed. */
  look: () => Promise<Look>;
};

/** A call that changes something. Its `parameters` hold the ClientToken, so that every attempt carries the same. */
export type ChangingCall = Omit<RpcCall, 'timeoutMs' | 'mayLeave'> & {
  permission: SendPermission;
  /** Milliseconds since the epoch, by `pace.now`: no attempt begins after it, and the last one ends by it. */
  deadlineMs: number;
};

const backoff = { baseMs: 250, maxMs: 4_000, leastAttemptMs: 250 };

/**
 * Makes the call until something is known, and never says more than that. As soon as one attempt may have had an
 * effect, no error of a later one proves the opposite any more; then only success or a look decides.
 */
export async function callUntilKnown(deps: CallDeps, changing: ChangingCall): Promise<CallOutcome> {
  const { rpc, pace, errors, look } = deps;
  const { deadlineMs, permission, ...call } = changing;
  let attempts = 0;
  let doubt: { row: UpstreamErrorRow; upstream: UpstreamReport | null } | null = null;

  for (let turn = 1; ; turn += 1) {
    const reply = await rpc({
      ...call,
      mayLeave: permission.holds,
      timeoutMs: Math.max(1, deadlineMs - pace.now()),
    });
    if (reply.kind !== 'not_sent') attempts += 1;
    if (reply.kind === 'ok') return { kind: 'accepted', requestId: reply.requestId, attempts };

    const row = judge(errors, reply);
    if (row.effect === 'ambiguous') doubt = { row, upstream: reportOf(call, reply) };
    if (row.retry) {
      const floorMs = reply.kind === 'refused' ? reply.retryAfterMs : null;
      const wait = waitBefore(turn, floorMs, deadlineMs, backoff, pace);
      if (wait !== null) {
        await pace.sleep(wait, call.signal);
        if (await permission.renew()) continue;
      }
    }
    if (doubt === null) return { kind: 'failed', problem: problemOf(row, call, reply), attempts };

    const seen = await look();
    if (seen === 'gone') {
      const said = reply.kind === 'refused' && reply.code === deps.notFound ? reply.requestId : null;
      return { kind: 'gone', requestId: said, attempts };
    }
    if (seen === 'deleting') return { kind: 'accepted', requestId: null, attempts };
    return {
      kind: 'unknown',
      upstream: doubt.upstream,
      reason: reasonFor(doubt.row, seen, attempts),
      attempts,
    };
  }
}

function reasonFor(row: UpstreamErrorRow, seen: 'present' | 'unreadable', attempts: number): string {
  const times = attempts === 1 ? 'once' : `${attempts} times`;
  const shown =
    seen === 'present'
      ? 'A look shows the gateway still standing, which does not exclude that the deletion is on its way.'
      : 'The gateway cannot be looked at now.';
  return `The deletion was sent ${times}, and it is not known whether it took effect. ${row.meaning} ${shown} Portcullis goes on looking, and sends the same ClientToken again only while that is safe: read the operation until it has ended.`;
}
