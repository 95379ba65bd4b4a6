import type { OperationsTable } from '../../src/storage/schema.ts';
import type { Told } from './callers.ts';
import type { Observer } from './observer.ts';

const laterStates: Record<string, readonly string[]> = {
  sending: ['sending', 'unknown', 'accepted', 'gone', 'failed', 'needs_attention'],
  unknown: ['unknown', 'accepted', 'gone', 'needs_attention'],
  accepted: ['accepted', 'gone', 'needs_attention'],
  needs_attention: ['needs_attention', 'gone'],
  gone: ['gone'],
  failed: ['failed'],
};
/** Told before, or instead of, what the key stands for. */
const saysNothing = new Set(['STORE_UNAVAILABLE', 'OPERATION_IN_PROGRESS']);

/** What is wrong with the answers, one sentence each, by what the ledger and the cloud say at the end. */
export function brokenAnswers(all: readonly Told[], observer: Observer): string[] {
  return all.flatMap((told) => broken(told, observer).map((what) => `${told.requestId} ${what}`));
}

function broken(told: Told, observer: Observer): string[] {
  const { answer, stoodFor, key, gatewayId } = told;
  const own = [...observer.operations.values()].find(({ request_id: id }) => id === told.requestId);
  const found: string[] = [];
  if (own !== undefined && stoodFor !== null && key !== null)
    found.push('began an operation, though its Idempotency-Key stood for one.');
  if (answer.kind === 'validated') {
    if (own !== undefined) found.push('only validated, and began an operation.');
    return found;
  }
  if (answer.kind === 'operation') {
    const row = observer.operations.get(answer.operationId);
    if (row === undefined) return [...found, 'was told of an operation that is not in the ledger.'];
    if (answer.isNew && own !== row) found.push('was told that it began the operation of another request.');
    if (!answer.isNew && (row.principal_subject !== told.subject || row.idempotency_key !== key))
      found.push('was told of an operation that its Idempotency-Key does not stand for.');
    if (row.resource_id !== gatewayId) found.push('was told of an operation on another gateway.');
    if (laterStates[answer.state]?.includes(row.state) !== true)
      found.push(`was told ${answer.state}, and it is ${row.state}.`);
    return found;
  }
  const { code } = answer;
  const byKey = key === null ? undefined : rowOf(observer, told.subject, key);
  // Gone it was by what the key stood for then, since nothing takes effect on what is gone.
  if (
    code === 'GATEWAY_NOT_FOUND' &&
    byKey?.resource_id === gatewayId &&
    observer.hadEffect(byKey.client_token)
  )
    found.push('was told that there is no gateway, and its Idempotency-Key stands for its deletion.');
  if (own !== undefined) {
    const said = answer.operationId === own.operation_id;
    if (code === 'STORE_UNAVAILABLE') {
      if (!said) found.push('was told that nothing was deleted, and began an operation.');
    } else if (own.state !== 'failed' || !said) {
      found.push(`was refused with ${code}, and its operation is ${own.state}.`);
    }
  } else if (stoodFor !== null && !saysNothing.has(code)) {
    const reused = stoodFor.resource_id !== gatewayId;
    if (!(reused && code === 'IDEMPOTENCY_KEY_REUSED'))
      found.push(`was refused with ${code}, though its Idempotency-Key stood for an operation.`);
  }
  return found;
}

function rowOf(observer: Observer, subject: string, key: string): OperationsTable | undefined {
  return [...observer.operations.values()].find(
    (row) => row.principal_subject === subject && row.idempotency_key === key,
  );
}
