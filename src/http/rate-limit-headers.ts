import type { Response } from 'express';
import type { BudgetState } from '../errors.ts';

const windowSeconds = { hour: 3_600, day: 86_400 } as const;

/** States the budgets on the answer, as draft-ietf-httpapi-ratelimit-headers-10 words it: all policies, and where each stands. */
export function stateBudgets(res: Response, budgets: readonly BudgetState[]): void {
  if (budgets.length === 0) return;
  const name = ({ scope, window }: BudgetState) => `"${scope}-${window}"`;
  res.setHeader(
    'RateLimit-Policy',
    budgets.map((budget) => `${name(budget)};q=${budget.limit};w=${windowSeconds[budget.window]}`).join(', '),
  );
  res.setHeader(
    'RateLimit',
    budgets
      .map(
        (budget) =>
          `${name(budget)};r=${Math.max(0, budget.remaining)};t=${Math.max(0, Math.ceil(budget.resetMs / 1000))}`,
      )
      .join(', '),
  );
}
