import type { AuditLog } from '../audit/log.ts';
import type { AuditDraft } from '../audit/record.ts';
import { Problem } from '../errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { invalid, readQuery } from './read-request.ts';
import type { AuthenticatedCall, GuardedRoute } from './route.ts';
import { operationView } from './views.ts';

/** The role that reads everything and may change nothing. */
const auditorRole = 'auditor';

const operationPattern = /^op_[0-9a-f-]{36}$/;

/** `GET /v1/operations/{operationId}`: a caller's own; every one for the auditor. */
export function readOperationRoute(ledger: Ledger, audit: AuditLog): GuardedRoute {
  return {
    method: 'get',
    path: '/v1/operations/{operationId}',
    access: 'authenticated',
    async handle(call, res) {
      const { req, params, principal, exchange } = call;
      readQuery(req, []);
      const operationId = params.operationId ?? '';
      const operation = operationPattern.test(operationId) ? await ledger.find(operationId) : null;
      const isOwn =
        operation?.principal.issuer === principal.issuer &&
        operation?.principal.subject === principal.subject;
      // An operation of somebody else is answered exactly as one that does not exist.
      if (operation === null || !(isOwn || principal.roles.includes(auditorRole))) {
        throw new Problem(
          'OPERATION_NOT_FOUND',
          'No operation of yours has this id. Use the operationId that the deletion was answered with.',
        );
      }
      await recordRead(audit, call, { operationId });
      exchange.log.operationId = operationId;
      res.json(operationView(operation));
    },
  };
}

const auditParameters = ['after', 'limit', 'operationId', 'subject', 'resourceId', 'code', 'result'] as const;
const maxAuditPage = 1000;

/** `GET /v1/audit/records`: the audit log in its order, for the auditor; reading it is itself recorded. */
export function auditRecordsRoute(audit: AuditLog): GuardedRoute {
  return {
    method: 'get',
    path: '/v1/audit/records',
    access: { role: auditorRole },
    async handle(call, res) {
      const query = readQuery(call.req, auditParameters);
      const filter = {
        after: readNumber('after', query.after, 0, Number.MAX_SAFE_INTEGER),
        limit: readNumber('limit', query.limit, 100, maxAuditPage),
        operationId: query.operationId ?? null,
        subject: query.subject ?? null,
        resourceId: query.resourceId ?? null,
        code: query.code ?? null,
        result: query.result ?? null,
      };
      await recordRead(audit, call, { summary: { filter } });
      const records = await audit.list(filter);
      const last = records.at(-1);
      res.json({
        records,
        next: records.length === filter.limit && last !== undefined ? last.sequence : null,
      });
    },
  };
}

/** Nothing is read before the record of it is durable. */
async function recordRead(
  audit: AuditLog,
  { exchange, principal }: AuthenticatedCall,
  what: Pick<AuditDraft, 'operationId' | 'summary'>,
): Promise<void> {
  exchange.audited = true;
  const { origin } = exchange;
  await audit.record({ kind: 'read', stage: 'request', result: 'allowed', origin, principal, ...what });
}

function readNumber(field: string, value: string | undefined, absent: number, max: number): number {
  if (value === undefined) return absent;
  const number = /^(0|[1-9][0-9]{0,15})$/.test(value) ? Number(value) : Number.NaN;
  if (!(number <= max) || (field === 'limit' && number === 0)) {
    throw invalid(field, `is no whole number up to ${max}.`);
  }
  return number;
}
