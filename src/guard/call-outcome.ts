import type { UpstreamReport } from '../errors.ts';
import type { Operation, Outcome } from '../ledger/operation.ts';
import type { CallOutcome, CloudOperation, SendPermission } from './cloud-operation.ts';

/** Makes the call. A defect in the client must not read as "no effect": the outcome is then unknown. */
export async function callSafely(
  cloud: CloudOperation,
  { resource, clientToken }: Operation,
  permission: SendPermission,
): Promise<CallOutcome> {
  try {
    return await cloud.call(
      { regionId: resource.regionId, resourceId: resource.id },
      clientToken,
      permission,
    );
  } catch (error) {
    const reason = `The call ended in an unexpected failure (${error instanceof Error ? error.name : typeof error}).`;
    return { kind: 'unknown', upstream: null, reason, attempts: 1 };
  }
}

/** What the ledger records of the end of a call. */
export function outcomeOf(result: CallOutcome): Outcome {
  const { attempts } = result;
  switch (result.kind) {
    case 'accepted':
    case 'gone':
      return {
        state: result.kind,
        upstream: { requestId: result.requestId, code: null },
        problem: null,
        attempts,
      };
    case 'failed': {
      const { problem } = result;
      const upstream = problem.options.upstream;
      return {
        state: 'failed',
        upstream: { requestId: upstream?.requestId ?? null, code: upstream?.code ?? null },
        problem: { code: problem.code, detail: problem.detail },
        attempts,
      };
    }
    case 'unknown':
      return {
        state: 'unknown',
        upstream: { requestId: result.upstream?.requestId ?? null, code: result.upstream?.code ?? null },
        problem: { code: 'OUTCOME_UNKNOWN', detail: result.reason },
        attempts,
      };
  }
}

/** What the audit log tells of the cloud's answer. */
export function upstreamOf(action: string, result: CallOutcome): UpstreamReport | null {
  switch (result.kind) {
    case 'accepted':
    case 'gone':
      return { service: 'Vpc', action, code: null, requestId: result.requestId, httpStatus: null };
    case 'failed':
      return result.problem.options.upstream ?? null;
    case 'unknown':
      return result.upstream;
  }
}
