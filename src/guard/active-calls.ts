/**
 * Ids of the operations that this process is carrying out right now, from before their intents can be seen in the
 * ledger until their outcomes are recorded. Whoever follows operations leaves them alone.
 */
export type ActiveCalls = Set<string>;

/** Counts an operation among `active` until the end of the scope. */
export function hold(active: ActiveCalls, operationId: string): Disposable {
  active.add(operationId);
  return { [Symbol.dispose]: () => void active.delete(operationId) };
}
