import type { Principal } from '../auth/principal.ts';

/** What is asked for, before anything is known of the cloud. */
export type RequestedAction = {
  /** The cloud's own name of the call, e.g. `DeleteEnhancedVpnGateway`. */
  action: string;
  resourceType: string;
  resourceId: string;
  regionId: string;
  accountId: string;
  reason: string | null;
  ticket: string | null;
  /** Portcullis's id of the request, for the record. */
  requestId: string;
};

/** Input of the entrypoint `portcullis/admission`, in the shape of AuthZEN 1.0 (subject, action, resource, context). */
export type AdmissionInput = {
  subject: {
    type: 'service';
    id: string;
    properties: {
      issuer: string;
      tenant: string | null;
      roles: readonly string[];
      teams: readonly string[];
    };
  };
  action: { name: string };
  resource: { type: string; id: string; properties: { regionId: string; accountId: string } };
  context: { requestId: string; reason: string | null; ticket: string | null };
};

/** Deletions begun in the sliding hour and day, in whole minutes that touch them; the one that is judged is not among them. */
export type WindowUsage = { hour: number; day: number };

/** For whom deletions are counted. Callers without a tenant count as one tenant. */
export type BudgetUsage = {
  principal: WindowUsage;
  tenant: WindowUsage;
  region: WindowUsage;
  all: WindowUsage;
};

/** Input of the entrypoint `portcullis/decision`: the same, with the facts and the time they are judged at. */
export type DecisionInput = Omit<AdmissionInput, 'context'> & {
  context: AdmissionInput['context'] & {
    /** Milliseconds since the epoch (UTC). */
    timeMs: number;
    /** What stands in the cloud; its shape belongs to the operation's descriptor. */
    facts: unknown;
    budgets: BudgetUsage;
  };
};

/** Builds the input of `admission`. Pure. */
export function admissionInput(principal: Principal, requested: RequestedAction): AdmissionInput {
  return {
    subject: {
      type: 'service',
      id: principal.subject,
      properties: {
        issuer: principal.issuer,
        tenant: principal.tenant,
        roles: principal.roles,
        teams: principal.teams,
      },
    },
    action: { name: requested.action },
    resource: {
      type: requested.resourceType,
      id: requested.resourceId,
      properties: { regionId: requested.regionId, accountId: requested.accountId },
    },
    context: { requestId: requested.requestId, reason: requested.reason, ticket: requested.ticket },
  };
}

/** Builds the input of `decision`. Pure: the time comes in, in milliseconds since the epoch. */
export function decisionInput(
  principal: Principal,
  requested: RequestedAction,
  facts: unknown,
  budgets: BudgetUsage,
  timeMs: number,
): DecisionInput {
  const admission = admissionInput(principal, requested);
  return { ...admission, context: { ...admission.context, timeMs, facts, budgets } };
}
