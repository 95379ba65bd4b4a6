import type { AuditLog } from '../audit/log.ts';
import { operatorRole } from '../auth/roles.ts';
import type { EmergencyStop, StopState } from '../ledger/emergency-stop.ts';
import { invalid, readQuery, readText, refuseBody } from './read-request.ts';
import { recordRead } from './record-read.ts';
import type { AuthenticatedCall, GuardedRoute } from './route.ts';

const maxReasonLength = 500;

/**
 * `GET /v1/guard`, `POST /v1/guard:stop` and `POST /v1/guard:resume`: the emergency stop of all instances, for the
 * operator. Both changes need a reason, and are in the audit log with it.
 */
export function guardRoutes(emergencyStop: EmergencyStop, audit: AuditLog): GuardedRoute[] {
  const change = (verb: 'stop' | 'resume'): GuardedRoute => ({
    method: 'post',
    path: `/v1/guard:${verb}`,
    access: { role: operatorRole },
    async handle(call, res) {
      const { req, principal, exchange } = call;
      refuseBody(req);
      const reason = readText('reason', readQuery(req, ['reason']).reason, maxReasonLength);
      if (reason === null)
        throw invalid(
          'reason',
          'is required: say why, for those who find deletions stopped or running again.',
        );
      const state = await emergencyStop.change(
        { stopped: verb === 'stop', reason, by: principal },
        record(call, `guard-${verb}`, { reason }),
      );
      exchange.audited = true;
      Object.assign(exchange.log, { guard: verb, reason });
      res.json(stopView(state));
    },
  });
  return [
    {
      method: 'get',
      path: '/v1/guard',
      access: { role: operatorRole },
      async handle(call, res) {
        readQuery(call.req, []);
        await recordRead(audit, call, { summary: { guard: 'state' } });
        res.json(stopView(await emergencyStop.state()));
      },
    },
    change('stop'),
    change('resume'),
  ];
}

function record(
  { exchange, principal }: AuthenticatedCall,
  result: string,
  summary: Record<string, unknown>,
) {
  const { origin } = exchange;
  return { kind: 'administration', stage: 'request', result, origin, principal, summary } as const;
}

function stopView({ stopped, reason, changedBy, changedAt }: StopState): Record<string, unknown> {
  return {
    stopped,
    reason,
    changedBy,
    changedAt: changedAt === null ? null : new Date(changedAt).toISOString(),
  };
}
