import { readFile } from 'node:fs/promises';
import type { AuditLog } from '../audit/log.ts';
import { Problem } from '../errors.ts';
import { type Guard, type GuardAnswer, guardedDelete } from '../guard/delete.ts';
import type { GuardedRequest } from '../guard/request.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { invalid, readHeader, readPattern, readQuery, readText, refuseBody } from './read-request.ts';
import type { AuthenticatedCall, GuardedRoute, PublicRoute } from './route.ts';
import { operationView } from './views.ts';

export const auditorRole = 'auditor';

const regionPattern = /^[a-z]{2}-[a-z0-9-]{1,40}$/;
const gatewayPattern = /^vpn-[a-z0-9]{1,60}$/;
const ticketPattern = /^[A-Za-z0-9][A-Za-z0-9._:/#-]{0,99}$/;
const operationPattern = /^op_[0-9a-f-]{36}$/;
const maxReasonLength = 500;

/** `DELETE /v1/regions/{regionId}/enhanced-vpn-gateways/{vpnGatewayId}`. */
export function deleteGatewayRoute(guard: Guard): GuardedRoute {
  return {
    method: 'delete',
    path: '/v1/regions/{regionId}/enhanced-vpn-gateways/{vpnGatewayId}',
    access: 'authenticated',
    async handle(call, res) {
      const asked = readDeletion(call);
      const { exchange } = call;
      Object.assign(exchange.log, { regionId: asked.target.regionId, gateway: asked.target.resourceId });
      exchange.audited = true;
      const answer = await guardedDelete(guard, asked);
      Object.assign(exchange.log, logged(answer));
      if (answer.kind === 'validated') {
        res.status(200).json({
          validateOnly: true,
          accountId: guard.accountId,
          action: guard.operation.action,
          resource: {
            type: guard.operation.resourceType,
            regionId: asked.target.regionId,
            id: asked.target.resourceId,
          },
          decision: {
            decisionId: answer.decisionId,
            allow: true,
            violations: [],
            policyRevision: answer.policyRevision,
          },
        });
        return;
      }
      const { operation } = answer;
      if (answer.kind === 'replayed') {
        res.setHeader('Idempotency-Replayed', 'true');
        if (operation.state === 'failed') throw replayedFailure(operation.operationId, operation.problem);
      }
      const known = operation.state === 'accepted' || operation.state === 'gone';
      res.setHeader('Location', `/v1/operations/${operation.operationId}`);
      res.status(known ? 200 : 202).json(operationView(operation));
    },
  };
}

/** `GET /v1/operations/{operationId}`: a caller's own; every one for the auditor. */
export function readOperationRoute(ledger: Ledger, audit: AuditLog): GuardedRoute {
  return {
    method: 'get',
    path: '/v1/operations/{operationId}',
    access: 'authenticated',
    async handle({ req, params, principal, exchange }, res) {
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
      exchange.audited = true;
      await audit.record({
        kind: 'read',
        stage: 'request',
        result: 'allowed',
        origin: exchange.origin,
        principal,
        operationId,
      });
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
    async handle({ req, principal, exchange }, res) {
      const query = readQuery(req, auditParameters);
      const filter = {
        after: readNumber('after', query.after, 0, Number.MAX_SAFE_INTEGER),
        limit: readNumber('limit', query.limit, 100, maxAuditPage),
        operationId: query.operationId ?? null,
        subject: query.subject ?? null,
        resourceId: query.resourceId ?? null,
        code: query.code ?? null,
        result: query.result ?? null,
      };
      exchange.audited = true;
      await audit.record({
        kind: 'read',
        stage: 'request',
        result: 'allowed',
        origin: exchange.origin,
        principal,
        summary: { filter },
      });
      const records = await audit.list(filter);
      const last = records.at(-1);
      res.json({
        records,
        next: records.length === filter.limit && last !== undefined ? last.sequence : null,
      });
    },
  };
}

/** Whether Portcullis can decide and record, and what is amiss if not. */
export type Readiness = {
  ready: boolean;
  checks: Record<'store' | 'policy' | 'keys', { ok: boolean; detail: string }>;
};

/** Liveness, readiness and the contract: public, and silent about everything internal. */
export function publicRoutes(deps: {
  readiness: () => Promise<Readiness>;
  contractFile: URL;
}): PublicRoute[] {
  return [
    {
      method: 'get',
      path: '/livez',
      access: 'public',
      handle: (_req, res) => void res.json({ status: 'alive' }),
    },
    {
      method: 'get',
      path: '/readyz',
      access: 'public',
      async handle(_req, res) {
        const { ready, checks } = await deps.readiness();
        res.status(ready ? 200 : 503).json({ status: ready ? 'ready' : 'not ready', checks });
      },
    },
    {
      method: 'get',
      path: '/openapi.yaml',
      access: 'public',
      async handle(_req, res) {
        res.type('application/yaml').send(await readFile(deps.contractFile, 'utf8'));
      },
    },
  ];
}

function readDeletion({ req, params, principal, exchange }: AuthenticatedCall): GuardedRequest {
  refuseBody(req);
  const regionId = readPattern(
    'regionId',
    params.regionId ?? '',
    regionPattern,
    'is no region id such as cn-hangzhou.',
  );
  const resourceId = readPattern(
    'vpnGatewayId',
    params.vpnGatewayId ?? '',
    gatewayPattern,
    'is not `vpn-` followed by lower-case letters and digits.',
  );
  const query = readQuery(req, ['reason', 'ticket', 'validateOnly']);
  const ticket = query.ticket;
  return {
    principal,
    origin: exchange.origin,
    arrivedAtMs: exchange.arrivedAtMs,
    target: { regionId, resourceId },
    reason: readText('reason', query.reason, maxReasonLength),
    ticket:
      ticket === undefined
        ? null
        : readPattern(
            'ticket',
            ticket,
            ticketPattern,
            'is not 1 to 100 letters, digits and ._:/#- beginning with a letter or digit.',
          ),
    validateOnly: readBoolean('validateOnly', query.validateOnly),
    idempotencyKey: readIdempotencyKey(readHeader(req, 'Idempotency-Key')),
  };
}

function readBoolean(field: string, value: string | undefined): boolean {
  if (value !== undefined && value !== 'true' && value !== 'false')
    throw invalid(field, 'is neither true nor false.');
  return value === 'true';
}

function readNumber(field: string, value: string | undefined, absent: number, max: number): number {
  if (value === undefined) return absent;
  const number = /^(0|[1-9][0-9]{0,15})$/.test(value) ? Number(value) : Number.NaN;
  if (!(number <= max) || (field === 'limit' && number === 0)) {
    throw invalid(field, `is no whole number up to ${max}.`);
  }
  return number;
}

/** A quoted structured-field string (RFC 9651 section 3.3.3), or the bare value; 1 to 255 printable ASCII characters. */
function readIdempotencyKey(header: string | null): string | null {
  if (header === null) return null;
  const quoted = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/.exec(header)?.[1];
  const key = quoted?.replaceAll(/\\(["\\])/g, '$1') ?? header;
  const bare = quoted !== undefined || /^[\x21\x23-\x7e]+$/.test(header);
  if (!bare || key.length === 0 || key.length > 255) {
    throw invalid(
      'Idempotency-Key',
      'is neither a quoted string nor a bare value of 1 to 255 printable ASCII characters.',
    );
  }
  return key;
}

function replayedFailure(operationId: string, problem: { code: string; detail: string } | null): Problem {
  const code = problem === null || problem.code === 'OUTCOME_UNKNOWN' ? 'INTERNAL' : problem.code;
  return new Problem(
    code as Problem['code'],
    `${problem?.detail ?? 'The deletion failed.'} This is what the Idempotency-Key stands for; use a new key to try again.`,
    { operationId },
  );
}

function logged(answer: GuardAnswer): Record<string, unknown> {
  if (answer.kind === 'validated') return { decisionId: answer.decisionId, result: 'validated' };
  const { operationId, decisionId, state, upstream, attempts } = answer.operation;
  return {
    decisionId,
    operationId,
    result: state,
    replayed: answer.kind === 'replayed',
    attempts,
    upstreamRequestId: upstream.requestId,
  };
}
