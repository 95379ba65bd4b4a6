import type { Ledger } from '../ledger/ledger.ts';
import type { Operation } from '../ledger/operation.ts';
import type { SendPermission } from './cloud-operation.ts';

/** A decision this old no longer carries another attempt: recovery makes a new one first. */
export const decisionHoldsMs = 30_000;

/**
 * Leave to send the call of an operation: while its lease lasts, its ClientToken is trusted and its decision is fresh;
 * for further attempts also while nobody else has taken it up and deletions are not stopped. A store that cannot be
 * asked permits nothing.
 */
export function sendPermission(
  { ledger, now }: { ledger: Pick<Ledger, 'renew'>; now: () => number },
  operation: Operation,
): SendPermission {
  let { leaseUntil } = operation;
  const isFresh = () => now() - operation.decidedAt <= decisionHoldsMs;
  return {
    holds: () => now() < leaseUntil && now() < operation.tokenTrustedUntil && isFresh(),
    async renew() {
      if (!isFresh()) return false;
      const renewed = await ledger.renew(operation).catch(() => null);
      if (renewed === null) return false;
      leaseUntil = renewed;
      return true;
    },
  };
}
