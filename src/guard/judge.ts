import { Problem, type Violation } from '../errors.ts';
import type { PolicyResult } from '../policy/decision.ts';
import type { Trail } from './trail.ts';

/**
 * Returns the result that lets a request pass; throws Problem POLICY_DENIED otherwise. The trail keeps every violation for the audit
 * log; the caller is shown all of them too, unless one is exclusive: who may not delete learns nothing else.
 */
export function judge(trail: Pick<Trail, 'violations'>, result: PolicyResult): PolicyResult {
  trail.violations = result.violations;
  if (result.allow) return result;
  const shown = shownToCaller(result.violations);
  const reasons = shown.map((violation) => `${violation.message} ${violation.remedy}`).join(' ');
  throw new Problem('POLICY_DENIED', `Nothing was deleted. ${reasons}`, { violations: shown });
}

function shownToCaller(violations: readonly Violation[]): readonly Violation[] {
  const exclusive = violations.filter((violation) => violation.exclusive);
  return exclusive.length > 0 ? exclusive : violations;
}
