/** The calls that this process is making, so that a stop can wait for them though nobody waits for their answers. */
export type CallsUnderWay = {
  add(call: Promise<unknown>): void;
  /** Resolves when the last one has ended. */
  ended(): Promise<void>;
};

export function createCallsUnderWay(): CallsUnderWay {
  const calls = new Set<Promise<unknown>>();
  return {
    add(call) {
      const settled = call.then(
        () => undefined,
        () => undefined,
      );
      calls.add(settled);
      void settled.then(() => calls.delete(settled));
    },
    async ended() {
      while (calls.size > 0) await Promise.all(calls);
    },
  };
}
