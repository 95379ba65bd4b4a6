import { setTimeout as sleep } from 'node:timers/promises';
import type { Ledger } from '../ledger/ledger.ts';
import type { Operation, OperationProblem } from '../ledger/operation.ts';
import type { OperationState } from '../ledger/states.ts';
import type { ActiveCalls } from './active-calls.ts';
import type { CloudOperation, Look } from './cloud-operation.ts';

export type FollowUpDeps = {
  /** The account that this instance serves. */
  accountId: string;
  operation: CloudOperation;
  ledger: Ledger;
  active: ActiveCalls;
  now: () => number;
  /** How long an operation may stand without a proven end before a person has to look; milliseconds. */
  attentionAfterMs: number;
  onError: (error: unknown, operation: Operation | null) => void;
  onAttention: (operation: Operation) => void;
};

export type FollowUp = {
  /** Looks once at every operation whose end is not known. Never sends a deletion. */
  processAll(): Promise<void>;
  /** Does so every `intervalMs` until the signal aborts; resolves when the last round has ended. */
  run(intervalMs: number, signal: AbortSignal): Promise<void>;
};

const batch = 500;

/**
 * Follows operations to their end by looking at the cloud: those that a stopped process left in `sending`, those with
 * an unknown outcome, and accepted ones until the resource is gone; those that need attention as well, since the
 * resource may be gone after all.
 */
export function createFollowUp(deps: FollowUpDeps): FollowUp {
  async function lookAt({ accountId, resource }: Operation): Promise<Look> {
    // Begun when this instance served another account: seen from this one, every gateway of that one would be gone.
    if (accountId !== deps.accountId) return 'unreadable';
    return deps.operation.look({ regionId: resource.regionId, resourceId: resource.id });
  }

  async function follow(operation: Operation): Promise<void> {
    const look = await lookAt(operation);
    const next = nextState(operation, look, deps.now() - operation.createdAt >= deps.attentionAfterMs);
    if (next === null) return;
    const problem = next.state === 'needs_attention' ? attention(operation, look) : null;
    const updated = await deps.ledger.finish(
      operation.operationId,
      { state: next.state, upstream: operation.upstream, problem, attempts: 0 },
      {
        kind: 'outcome',
        stage: 'follow-up',
        result: next.state,
        detail: problem?.detail ?? null,
        origin: { requestId: operation.requestId, traceId: '0'.repeat(32), sourceAddress: 'portcullis' },
        decisionId: operation.decisionId,
        operationId: operation.operationId,
        policyRevision: operation.policyRevision,
        clientToken: operation.clientToken,
        request: {
          action: operation.action,
          accountId: operation.accountId,
          regionId: operation.resource.regionId,
          resourceId: operation.resource.id,
          reason: operation.reason,
          ticket: operation.ticket,
          validateOnly: false,
          idempotent: false,
        },
        summary: { look },
      },
    );
    if (updated.state === 'needs_attention') deps.onAttention(updated);
  }

  async function processAll(): Promise<void> {
    for (const operation of await deps.ledger.toFollow(batch)) {
      if (deps.active.has(operation.operationId)) continue;
      try {
        await follow(operation);
      } catch (error) {
        deps.onError(error, operation);
      }
    }
  }

  return {
    processAll,
    async run(intervalMs, signal) {
      while (!signal.aborted) {
        await processAll().catch((error: unknown) => deps.onError(error, null));
        await sleep(intervalMs, undefined, { signal, ref: false }).catch(() => undefined);
      }
    },
  };
}

function nextState(operation: Operation, look: Look, overdue: boolean): { state: OperationState } | null {
  if (look === 'gone') return { state: 'gone' };
  // Whatever a person does about it ends there, too; nothing else is news.
  if (operation.state === 'needs_attention') return null;
  if (look === 'deleting' && operation.state !== 'accepted') return { state: 'accepted' };
  return overdue ? { state: 'needs_attention' } : null;
}

function attention(operation: Operation, look: Look): OperationProblem {
  const seen =
    look === 'present'
      ? 'The gateway still stands'
      : look === 'deleting'
        ? 'The gateway is still being deleted'
        : 'The gateway cannot be looked at';
  return {
    code: 'OUTCOME_UNKNOWN',
    detail: `${seen} long after the call (state ${operation.state}). Look at it in the cloud's console, with ClientToken ${operation.clientToken}, before anyone deletes it again.`,
  };
}
