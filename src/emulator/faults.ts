import { z } from 'zod';
import { actions } from './actions.ts';

const when = z.enum(['before', 'after']);
const target = {
  /** The action it meets, e.g. `DeleteEnhancedVpnGateway`. */
  action: z.string().refine((name) => Object.hasOwn(actions, name), {
    error: `The emulator has the actions ${Object.keys(actions).join(', ')}.`,
  }),
  /** Only calls for this resource; null: every call of the action. */
  resourceId: z.string().min(1).max(100).nullable().default(null),
  /** How many calls it meets. */
  count: z.int().min(1).max(1_000_000).default(1),
};

/**
 * A scripted fault. `before` the effect: the state stays as it was; `after`: the call took effect, and its answer is
 * lost or replaced. Latency alone does not keep the effect away: `before` delays it, `after` delays the answer only.
 */
export const faultSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('error'),
    ...target,
    status: z.int().min(400).max(599),
    code: z.string().min(1).max(100),
    message: z.string().max(500).default('A scripted error.'),
    /** Sent as the header `x-acs-retry-after`; null: no such header. */
    retryAfterMs: z.int().min(0).max(3_600_000).nullable().default(null),
    when: when.default('before'),
  }),
  z.strictObject({
    kind: z.literal('latency'),
    ...target,
    ms: z.int().min(0).max(600_000),
    when: when.default('before'),
  }),
  z.strictObject({ kind: z.literal('reset'), ...target, when }),
  /** No answer at all, until the client gives up. */
  z.strictObject({ kind: z.literal('hang'), ...target, when }),
  z.strictObject({
    kind: z.literal('answer'),
    ...target,
    answer: z.enum([
      'empty',
      'html',
      'cut-off',
      'redirect',
      'no-request-id',
      'wrong-json',
      'array',
      'error-in-success',
    ]),
    when: when.default('before'),
  }),
]);

export type Fault = z.output<typeof faultSchema>;
export type FaultInput = z.input<typeof faultSchema>;

/** The faults that wait for their calls, the oldest first. */
export type Faults = {
  /** Throws ZodError for anything but a fault, and TooManyFaults when too many wait. */
  add(fault: FaultInput): void;
  /** The fault that meets this call, taken off the list when its count is used up. */
  take(action: string, resourceId: string | null): Fault | null;
  /** Copies; `count` is how many calls each has yet to meet. */
  list(): readonly Fault[];
  clear(): void;
};

const maxFaults = 1_000;

export class TooManyFaults extends Error {
  override readonly name = 'TooManyFaults';
}

export function createFaults(): Faults {
  let faults: Fault[] = [];
  return {
    add(fault) {
      const parsed = faultSchema.parse(fault);
      if (faults.length >= maxFaults) {
        throw new TooManyFaults(`${maxFaults} faults wait already. Clear them first.`);
      }
      faults.push(parsed);
    },
    take(action, resourceId) {
      if (faults.length === 0) return null;
      const fault = faults.find(
        (one) => one.action === action && (one.resourceId === null || one.resourceId === resourceId),
      );
      if (fault === undefined) return null;
      fault.count -= 1;
      if (fault.count === 0) faults = faults.filter((one) => one !== fault);
      return fault;
    },
    list: () => faults.map((fault) => ({ ...fault })),
    clear() {
      faults = [];
    },
  };
}
