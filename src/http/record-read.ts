import type { AuditLog } from '../audit/log.ts';
import type { AuditDraft } from '../audit/record.ts';
import type { AuthenticatedCall } from './route.ts';

/** Nothing is read before the record of it is durable. */
export async function recordRead(
  audit: AuditLog,
  { exchange, principal }: AuthenticatedCall,
  what: Pick<AuditDraft, 'operationId' | 'summary'>,
): Promise<void> {
  exchange.audited = true;
  const { origin } = exchange;
  await audit.record({ kind: 'read', stage: 'request', result: 'allowed', origin, principal, ...what });
}
