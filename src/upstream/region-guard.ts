import {
  BrokenCircuitError,
  bulkhead,
  CircuitState,
  CountBreaker,
  circuitBreaker,
  handleWhenResult,
  isBulkheadRejectedError,
} from 'cockatiel';
import type { NotSentReason, Rpc, RpcCall, RpcReply } from './reply.ts';

export type RegionGuardSettings = {
  /** Calls to one region at a time. */
  concurrency: number;
  /** Calls that may wait for their turn, a region. */
  queue: number;
  /** Milliseconds that a call may wait for its turn. */
  queueTimeoutMs: number;
  /** The circuit opens when more than half of the last this many calls to a region failed. */
  breakerCalls: number;
  /** Milliseconds until one call may try whether the region answers again. */
  breakerOpenMs: number;
};

/**
 * Puts a circuit breaker and a concurrency limit, each a region, before `rpc`. Whatever they hold back was never sent,
 * and the reply says so.
 */
export function guardRegions(rpc: Rpc, settings: RegionGuardSettings): Rpc {
  const regions = new Map<string, Rpc>();
  return (call) => {
    // STS answers for the same region, but its trouble is not the VPC API's.
    const key = `${call.service}/${call.regionId}`;
    const guarded = regions.get(key);
    if (guarded !== undefined) return guarded(call);
    const made = guardOne(rpc, settings);
    regions.set(key, made);
    return made(call);
  };
}

function guardOne(rpc: Rpc, settings: RegionGuardSettings): Rpc {
  const limit = bulkhead(settings.concurrency, settings.queue);
  const breaker = circuitBreaker(
    handleWhenResult((reply) => isFailure(reply as RpcReply)),
    {
      halfOpenAfter: settings.breakerOpenMs,
      breaker: new CountBreaker({ threshold: 0.5, size: settings.breakerCalls }),
    },
  );

  async function throughBreaker(call: RpcCall): Promise<RpcReply> {
    // While one call tries the region, the library would let others wait for it without a limit.
    if (breaker.state === CircuitState.HalfOpen) return notSent('circuit_open', 'the region is being tried');
    try {
      return await breaker.execute(() => rpc(call));
    } catch (error) {
      if (error instanceof BrokenCircuitError) return notSent('circuit_open', 'the circuit is open');
      throw error;
    }
  }

  return (call) =>
    new Promise((resolve, reject) => {
      const turn = new AbortController();
      const giveUp = (reason: NotSentReason, cause: string): void => {
        turn.abort();
        resolve(notSent(reason, cause));
      };
      const onAbort = (): void => giveUp('aborted_before_sending', 'aborted');
      const waited = (): void => {
        clearTimeout(timer);
        call.signal.removeEventListener('abort', onAbort);
      };
      const timer = setTimeout(
        () => giveUp('concurrency_limit', 'no turn in time'),
        Math.min(settings.queueTimeoutMs, call.timeoutMs),
      );
      if (call.signal.aborted) onAbort();
      else call.signal.addEventListener('abort', onAbort, { once: true });
      limit
        .execute(() => {
          waited();
          return throughBreaker(call);
        }, turn.signal)
        .then(resolve, (error: unknown) => {
          waited();
          // The turn that was given up comes round later, and by then has long been answered.
          if (turn.signal.aborted) return;
          if (isBulkheadRejectedError(error)) resolve(notSent('concurrency_limit', 'the queue is full'));
          else reject(error instanceof Error ? error : new Error('The call failed.', { cause: error }));
        });
    });
}

/** Only trouble of the region itself: an error that the cloud words and means is an answer like any other. */
function isFailure(reply: RpcReply): boolean {
  switch (reply.kind) {
    case 'ok':
      return false;
    case 'refused':
      return reply.httpStatus >= 500 && !/Throttling/.test(reply.code);
    case 'ambiguous':
      return reply.reason !== 'aborted_in_flight';
    case 'not_sent':
      return reply.reason === 'no_connection';
  }
}

function notSent(reason: NotSentReason, cause: string): RpcReply {
  return { kind: 'not_sent', reason, cause };
}
