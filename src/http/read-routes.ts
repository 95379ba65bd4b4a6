import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditLog } from '../audit/log.ts';
import { auditorRole, mayReadOf } from '../auth/roles.ts';
import { Problem } from '../errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Operation } from '../ledger/operation.ts';
import { type ListCursor, type OperationList, readCursor, writeCursor } from '../ledger/operation-list.ts';
import { type OperationState, operationStates } from '../ledger/states.ts';
import { patienceMs, readPreference, statePreference } from './prefer.ts';
import { invalid, readQuery } from './read-request.ts';
import { recordRead } from './record-read.ts';
import type { GuardedRoute } from './route.ts';
import { operationView } from './views.ts';

const operationPattern = /^op_[0-9a-f-]{36}$/;

/**
 * `GET /v1/operations/{operationId}`: a caller's own; every one for the auditor. With `Prefer: wait=N` it is answered when
 * the operation has come to its end, or after that time.
 */
export function readOperationRoute(ledger: Ledger, audit: AuditLog, isStopping: () => boolean): GuardedRoute {
  return {
    method: 'get',
    path: '/v1/operations/{operationId}',
    access: 'authenticated',
    async handle(call, res) {
      const { req, params, principal, exchange } = call;
      readQuery(req, []);
      const operationId = params.operationId ?? '';
      const operation = operationPattern.test(operationId) ? await ledger.find(operationId) : null;
      // An operation of somebody else is answered exactly as one that does not exist.
      if (operation === null || !mayReadOf(principal, operation.principal)) {
        throw new Problem(
          'OPERATION_NOT_FOUND',
          'No operation of yours has this id. Use the operationId that the deletion was answered with.',
        );
      }
      await recordRead(audit, call, { operationId });
      exchange.log.operationId = operationId;
      const preference = { ...readPreference(req), respondAsync: false };
      statePreference(res, preference);
      const nobodyWaits = () => isStopping() || res.closed;
      res.json(operationView(await whenEnded(ledger, operation, patienceMs(preference) ?? 0, nobodyWaits)));
    },
  };
}

const endedStates: readonly OperationState[] = ['gone', 'failed', 'needs_attention'];
const askEveryMs = 200;

/** The operation when it needs no more waiting for: at its end, after `patience` milliseconds, or when nobody waits. */
async function whenEnded(
  ledger: Ledger,
  operation: Operation,
  patience: number,
  nobodyWaits: () => boolean,
): Promise<Operation> {
  const deadline = performance.now() + patience;
  let present = operation;
  while (!endedStates.includes(present.state) && performance.now() < deadline && !nobodyWaits()) {
    await sleep(Math.max(1, Math.min(askEveryMs, deadline - performance.now())));
    present = (await ledger.find(operation.operationId)) ?? present;
  }
  return present;
}

const listParameters = ['cursor', 'limit', 'state', 'regionId', 'resourceId', 'subject'] as const;
const maxListPage = 200;

/** `GET /v1/operations`: a caller's own, everyone's for the auditor; the newest first. */
export function listOperationsRoute(operations: OperationList, audit: AuditLog): GuardedRoute {
  return {
    method: 'get',
    path: '/v1/operations',
    access: 'authenticated',
    async handle(call, res) {
      const { req, principal } = call;
      const query = readQuery(req, listParameters);
      const filter = {
        owner: principal.roles.includes(auditorRole) ? null : principal,
        state: query.state === undefined ? null : readState(query.state),
        regionId: query.regionId ?? null,
        resourceId: query.resourceId ?? null,
        subject: query.subject ?? null,
        cursor: query.cursor === undefined ? null : readListCursor(query.cursor),
        limit: readNumber('limit', query.limit, 50, maxListPage),
      };
      await recordRead(audit, call, { summary: { operations: { ...query } } });
      const { operations: page, next } = await operations.page(filter);
      res.json({ operations: page.map(operationView), next: next === null ? null : writeCursor(next) });
    },
  };
}

function readState(text: string): OperationState {
  const state = operationStates.find((known) => known === text);
  if (state === undefined) throw invalid('state', `is no state (${operationStates.join(', ')}).`);
  return state;
}

function readListCursor(text: string): ListCursor {
  const cursor = readCursor(text);
  if (cursor === null) throw invalid('cursor', 'is none that a list of operations was answered with.');
  return cursor;
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

function readNumber(field: string, value: string | undefined, absent: number, max: number): number {
  if (value === undefined) return absent;
  const number = /^(0|[1-9][0-9]{0,15})$/.test(value) ? Number(value) : Number.NaN;
  if (!(number <= max) || (field === 'limit' && number === 0)) {
    throw invalid(field, `is no whole number up to ${max}.`);
  }
  return number;
}
