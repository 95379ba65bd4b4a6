import type { Violation } from '../errors.ts';
import type { AdmissionInput, DecisionInput } from './input.ts';

/** How many deletions may be begun in a sliding window. */
export type BudgetLimit = {
  scope: 'principal' | 'tenant' | 'region' | 'all';
  window: 'hour' | 'day';
  limit: number;
};

/** What an entrypoint returned, parsed strictly. */
export type PolicyResult = {
  allow: boolean;
  /** Every reason to refuse; empty exactly when `allow` is true. */
  violations: readonly Violation[];
  /** None is understood yet, so a result that carries one is refused. */
  obligations: readonly [];
  /** The budgets that a deletion is counted against when its intent is written; none twice. */
  limits: readonly BudgetLimit[];
};

/**
 * The policy that is live. Synchronous, because one WASM instance must never see two evaluations interleaved.
 * Both calls throw Problem POLICY_UNAVAILABLE on anything but a well-formed result; a throw never allows.
 */
export type Policy = {
  /** Digest of the sources that the live bundle was built from. */
  readonly revision: string;
  admission(input: AdmissionInput): PolicyResult;
  decision(input: DecisionInput): PolicyResult;
};
