/**
 * The life of an operation. An operation begins with its intent, durable and in `sending`, before the first byte goes
 * to the cloud. `pending` is kept for intents that wait their turn; nothing writes it yet.
 */
export const operationStates = [
  'pending',
  'sending',
  'unknown',
  'accepted',
  'gone',
  'failed',
  'needs_attention',
] as const;
export type OperationState = (typeof operationStates)[number];

/** States in which a deletion is under way: at most one operation of a resource is in any of them, by a unique index. */
export const unfinishedStates = ['pending', 'sending', 'unknown', 'accepted'] as const;

/** States that are not the end: recovery looks at these until they are. */
export const openStates = [...unfinishedStates, 'needs_attention'] as const;

/** Every transition there is. What is not listed cannot be written. */
export const transitions: Readonly<Record<OperationState, readonly OperationState[]>> = {
  pending: ['sending', 'failed'],
  sending: ['accepted', 'gone', 'failed', 'unknown', 'needs_attention'],
  unknown: ['accepted', 'gone', 'needs_attention'],
  accepted: ['gone', 'needs_attention'],
  needs_attention: ['gone'],
  gone: [],
  failed: [],
};

/** States that may be left for `to`. */
export function statesBefore(to: OperationState): OperationState[] {
  return operationStates.filter((from) => transitions[from].includes(to));
}
