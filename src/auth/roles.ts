import type { Principal } from './principal.ts';

/** May read every operation and the audit log. */
export const auditorRole = 'auditor';
/** May stop all deletions and let them go on. */
export const operatorRole = 'operator';

/** Whether the caller may read what `owner` began: their own, or anyone's as an auditor. */
export function mayReadOf(
  principal: Pick<Principal, 'issuer' | 'subject' | 'roles'>,
  owner: { issuer: string; subject: string },
): boolean {
  const isOwn = owner.issuer === principal.issuer && owner.subject === principal.subject;
  return isOwn || principal.roles.includes(auditorRole);
}
