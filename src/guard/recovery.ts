import { setTimeout as sleep } from 'node:timers/promises';
import { failPoint } from '../fail-point.ts';
import type { HistoryEntry, Operation, OperationProblem, Outcome } from '../ledger/operation.ts';
import { callSafely, outcomeOf, upstreamOf } from './call-outcome.ts';
import type { CallOutcome, Look } from './cloud-operation.ts';
import { type ReconsiderDeps, reconsider } from './reconsider.ts';
import { recoveryRecord } from './recovery-record.ts';
import { sendPermission } from './send-permission.ts';

export type RecoveryDeps = ReconsiderDeps & {
  /** The account that this instance serves. */
  accountId: string;
  settings: RecoverySettings;
  onError: (error: unknown, operation: Operation | null) => void;
  onAttention: (operation: Operation) => void;
  /** Told of every step: what was seen or done, for the metrics. */
  onStep: (step: Look | 'sent-again' | 'refused') => void;
};

export type RecoverySettings = {
  /** How long an operation may stand without a proven end before a person has to look; milliseconds. */
  attentionAfterMs: number;
  /** How often an accepted operation is looked at until it is gone; milliseconds. */
  lookEveryMs: number;
  /** Rounds in which the cloud answered and nothing was settled, before a person has to look. */
  maxRounds: number;
  /** The last of these rounds that goes on when sending again came to nothing: each takes as long as a call may. */
  maxResends: number;
};

export type Recovery = {
  /** Takes up everything that is due, once; resolves when that has been dealt with. Begins nothing once the signal aborts. */
  processAll(signal?: AbortSignal): Promise<void>;
  /** Does so every `intervalMs` until the signal aborts; resolves when the last round has ended. */
  run(intervalMs: number, signal: AbortSignal): Promise<void>;
};

/** Operations that one round takes up, and those of them that are worked on side by side. */
const batch = 64;
const abreast = 8;

const backoff = { baseMs: 500, maxMs: 16_000 };
/** A person has to look, so haste is of no use any more; but the gateway may be gone after all. */
const attentionLookMs = 60_000;

/**
 * Brings operations to their end: those that a stopped process left in `sending`, those with an unknown outcome, and
 * accepted ones until the resource is gone. It looks first, always; it sends only what `reconsider` lets it, and only
 * while the ClientToken is trusted.
 */
export function createRecovery(deps: RecoveryDeps): Recovery {
  const { accountId, claims, ledger, now, settings } = deps;

  async function recover(held: Operation): Promise<void> {
    const look = await lookAt(held);
    deps.onStep(look);
    if (look === 'gone') return record(held, 'looked', settled('gone', held), look);
    if (look === 'deleting' && (held.state === 'sending' || held.state === 'unknown')) {
      return record(held, 'looked', settled('accepted', held), look);
    }
    if (held.state === 'sending' || held.state === 'unknown') return settle(held, look);
    if (held.state === 'needs_attention') return claims.postpone(held, now() + attentionLookMs);
    if (isOverdue(held)) return attend(held, look, null);
    await claims.postpone(held, now() + settings.lookEveryMs);
  }

  /** What is neither gone nor on its way: sent again where that is safe; else waited for, but not for ever. */
  async function settle(held: Operation, look: Look): Promise<void> {
    let refusal: string | null = null;
    if (look === 'present') {
      if (now() < held.tokenTrustedUntil) {
        const reconsidered = await reconsider(deps, held);
        if ('operation' in reconsidered) return sendAgain(reconsidered.operation);
        refusal = reconsidered.reason;
        deps.onStep('refused');
      } else {
        refusal = 'Its ClientToken is too old to be sent again.';
      }
    }
    const answered = look !== 'unreadable';
    if (isOverdue(held) || (answered && held.rounds >= settings.maxRounds))
      return attend(held, look, refusal);
    await claims.postpone(held, now() + waitAfter(held.rounds));
  }

  async function sendAgain(held: Operation): Promise<void> {
    deps.onStep('sent-again');
    failPoint('recovery-before-send');
    const result = await callSafely(deps.operation, held, sendPermission(deps, held));
    failPoint('recovery-answered');
    const outcome = outcomeOf(result);
    // That this attempt had no effect says nothing of the one before it.
    if (outcome.state === 'failed' || outcome.state === 'unknown') {
      if (held.rounds >= settings.maxResends)
        return attend(held, 'present', outcome.problem?.detail ?? null, result);
      return claims.postpone(held, now() + waitAfter(held.rounds));
    }
    await record(held, 'called', outcome, 'present', result);
  }

  async function attend(
    held: Operation,
    look: Look,
    refusal: string | null,
    result: CallOutcome | null = null,
  ): Promise<void> {
    const problem = attention(held, look, refusal);
    const outcome: Outcome = {
      state: 'needs_attention',
      upstream: held.upstream,
      problem,
      attempts: result?.attempts ?? 0,
    };
    await record(held, 'looked', outcome, look, result);
  }

  async function record(
    held: Operation,
    event: HistoryEntry['event'],
    outcome: Outcome,
    look: Look,
    result: CallOutcome | null = null,
  ): Promise<void> {
    const updated = await ledger.finish(held, event, outcome, {
      ...recoveryRecord(held, 'outcome', outcome.state),
      detail: outcome.problem?.detail ?? null,
      upstream: result === null ? null : upstreamOf(held.action, result),
      attempts: outcome.attempts,
      summary: { look },
    });
    failPoint('recovery-recorded');
    if (updated?.state === 'needs_attention') deps.onAttention(updated);
  }

  async function lookAt({ accountId: account, resource }: Operation): Promise<Look> {
    // Begun when this instance served another account: seen from this one, every gateway of that one would be gone.
    if (account !== accountId) return 'unreadable';
    return deps.operation.look({ regionId: resource.regionId, resourceId: resource.id });
  }

  function isOverdue(held: Operation): boolean {
    return now() - held.createdAt >= settings.attentionAfterMs;
  }

  async function processAll(signal?: AbortSignal): Promise<void> {
    for (let claimed = batch; claimed === batch && signal?.aborted !== true; ) {
      const due = await claims.claimDue(batch);
      claimed = due.length;
      if (claimed > 0) failPoint('recovery-claimed');
      const waiting = due.values();
      // The lease of what waits here runs on: what it does not cover is claimed again, and nothing is lost.
      await Promise.all(Array.from({ length: abreast }, () => recoverEach(waiting, signal)));
    }
  }

  async function recoverEach(waiting: Iterable<Operation>, signal: AbortSignal | undefined): Promise<void> {
    for (const held of waiting) {
      if (signal?.aborted === true) return;
      await recover(held).catch((error: unknown) => deps.onError(error, held));
    }
  }

  return {
    processAll,
    async run(intervalMs, signal) {
      while (!signal.aborted) {
        await processAll(signal).catch((error: unknown) => deps.onError(error, null));
        await sleep(intervalMs, undefined, { signal, ref: false }).catch(() => undefined);
      }
    },
  };
}

function settled(state: 'gone' | 'accepted', held: Operation): Outcome {
  return { state, upstream: held.upstream, problem: null, attempts: 0 };
}

/** `rounds` begins at 1. */
function waitAfter(rounds: number): number {
  return Math.min(backoff.maxMs, backoff.baseMs * 2 ** Math.max(0, rounds - 1));
}

function attention(held: Operation, look: Look, refusal: string | null): OperationProblem {
  const seen =
    look === 'present'
      ? 'The gateway still stands'
      : look === 'deleting'
        ? 'The gateway is still being deleted'
        : 'The gateway cannot be looked at';
  const why = refusal === null ? '' : ` The call was not sent again: ${refusal}`;
  return {
    code: 'OUTCOME_UNKNOWN',
    detail: `${seen} after the call (state ${held.state}).${why} Look at it in the cloud's console, with ClientToken ${held.clientToken}, before anyone deletes it again.`,
  };
}
