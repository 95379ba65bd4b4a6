import { setTimeout as sleep } from 'node:timers/promises';
import { Problem } from '../errors.ts';
import { failPoint } from '../fail-point.ts';
import { type Guard, guardedDelete } from '../guard/delete.ts';
import type { GuardedRequest } from '../guard/request.ts';
import type { Operation } from '../ledger/operation.ts';
import { patienceMs, readPreference, statePreference } from './prefer.ts';
import { stateBudgets } from './rate-limit-headers.ts';
import { invalid, readHeader, readPattern, readQuery, readText, refuseBody } from './read-request.ts';
import type { AuthenticatedCall, GuardedRoute } from './route.ts';
import { operationView } from './views.ts';

const regionPattern = /^[a-z]{2}-[a-z0-9-]{1,40}$/;
const gatewayPattern = /^vpn-[a-z0-9]{1,60}$/;
const ticketPattern = /^[A-Za-z0-9][A-Za-z0-9._:/#-]{0,99}$/;
const maxReasonLength = 500;

/**
 * `DELETE /v1/regions/{regionId}/enhanced-vpn-gateways/{vpnGatewayId}`. `onLateFailure` is told of a call that ended in a
 * failure when its caller no longer waited for it.
 */
export function deleteGatewayRoute(
  guard: Guard,
  onLateFailure: (error: unknown, operation: Operation) => void,
): GuardedRoute {
  return {
    method: 'delete',
    path: '/v1/regions/{regionId}/enhanced-vpn-gateways/{vpnGatewayId}',
    access: 'authenticated',
    async handle(call, res) {
      const asked = readDeletion(call);
      const preference = readPreference(call.req);
      const { exchange } = call;
      Object.assign(exchange.log, { regionId: asked.target.regionId, gateway: asked.target.resourceId });
      exchange.audited = true;
      const answer = await guardedDelete(guard, asked);
      if (answer.kind === 'validated') {
        Object.assign(exchange.log, { decisionId: answer.decisionId, result: 'validated' });
        stateBudgets(res, answer.budgets);
        res.status(200).json(validatedView(guard, asked, answer));
        return;
      }
      if (answer.kind === 'begun') {
        stateBudgets(res, answer.budgets);
        statePreference(res, preference);
      }
      const operation =
        answer.kind === 'begun'
          ? await within(patienceMs(preference), answer, onLateFailure)
          : answer.operation;
      Object.assign(exchange.log, logged(operation), { replayed: answer.kind === 'replayed' });
      if (answer.kind === 'replayed') {
        res.setHeader('Idempotency-Replayed', 'true');
        if (operation.state === 'failed') throw replayedFailure(operation.operationId, operation.problem);
      }
      failPoint('answer-before-send');
      const known = operation.state === 'accepted' || operation.state === 'gone';
      res.setHeader('Location', `/v1/operations/${operation.operationId}`);
      res.status(known ? 200 : 202).json(operationView(operation));
    },
  };
}

/** What became of the call, or the operation as it was begun when that takes longer than the caller waits. */
async function within(
  patience: number | null,
  { operation, outcome }: { operation: Operation; outcome: Promise<Operation> },
  onLateFailure: (error: unknown, operation: Operation) => void,
): Promise<Operation> {
  if (patience === null) return outcome;
  const waited = new AbortController();
  const over = sleep(patience, 'over' as const, { signal: waited.signal }).catch(() => 'over' as const);
  try {
    const first = await Promise.race([outcome, over]);
    if (first !== 'over') return first;
    outcome.catch((error: unknown) => onLateFailure(error, operation));
    return operation;
  } finally {
    waited.abort();
  }
}

function validatedView(
  guard: Guard,
  { target }: GuardedRequest,
  { decisionId, policyRevision }: { decisionId: string; policyRevision: string },
): Record<string, unknown> {
  return {
    validateOnly: true,
    accountId: guard.accountId,
    action: guard.operation.action,
    resource: { type: guard.operation.resourceType, regionId: target.regionId, id: target.resourceId },
    decision: { decisionId, allow: true, violations: [], policyRevision },
  };
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

function logged({ operationId, decisionId, state, upstream, attempts }: Operation): Record<string, unknown> {
  return { decisionId, operationId, result: state, attempts, upstreamRequestId: upstream.requestId };
}
