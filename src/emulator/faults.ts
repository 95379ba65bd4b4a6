import { z } from 'zod';

const times = z.int().min(1).max(1_000_000).default(1);
const target = {
  /** The action it meets, e.g. `DeleteEnhancedVpnGateway`. */
  action: z.string().min(1).max(100),
  /** Only calls for this resource; null: every call of the action. */
  resourceId: z.string().min(1).max(100).nullable().default(null),
  /** How many calls it meets. */
  count: times,
};

/**
 * A scripted fault. `before` the effect: the state stays as it was; `after`: the call took effect, and its answer is
 * lost or replaced.
 */
export const faultSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('error'),
    ...target,
    status: z.int().min(400).max(599),
    code: z.string().min(1).max(100),
    message: z.string().max(500).default('A scripted error.'),
    retryAfterMs: z.int().min(0).max(3_600_000).nullable().default(null),
    when: z.enum(['before', 'after']).default('before'),
  }),
  z.strictObject({ kind: z.literal('latency'), ...target, ms: z.int().min(0).max(600_000) }),
  z.strictObject({ kind: z.literal('reset'), ...target, when: z.enum(['before', 'after']) }),
  /** No answer at all, until the client gives up. */
  z.strictObject({ kind: z.literal('hang'), ...target, when: z.enum(['before', 'after']) }),
  z.strictObject({
    kind: z.literal('answer'),
    ...target,
    answer: z.enum(['empty', 'html', 'cut-off', 'redirect', 'no-request-id', 'wrong-json', 'array']),
    when: z.enum(['before', 'after']).default('before'),
  }),
]);

export type Fault = z.output<typeof faultSchema>;
export type FaultInput = z.input<typeof faultSchema>;

/** The faults that wait for their calls, the oldest first. */
export type Faults = {
  /** Throws ZodError for anything but a fault, and Error when too many wait. */
  add(fault: FaultInput): void;
  /** The fault that meets this call, taken off the list when its count is used up. */
  take(action: string, resourceId: string | null): Fault | null;
  list(): readonly Fault[];
  clear(): void;
};

const maxFaults = 1_000;

export function createFaults(): Faults {
  let faults: Fault[] = [];
  return {
    add(fault) {
      if (faults.length >= maxFaults) throw new Error(`No more than ${maxFaults} faults can wait.`);
      faults.push(faultSchema.parse(fault));
    },
    take(action, resourceId) {
      const fault = faults.find(
        (one) => one.action === action && (one.resourceId === null || one.resourceId === resourceId),
      );
      if (fault === undefined) return null;
      fault.count -= 1;
      if (fault.count === 0) faults = faults.filter((one) => one !== fault);
      return fault;
    },
    list: () => faults,
    clear() {
      faults = [];
    },
  };
}
