import { type FaultInput, faultSchema } from '../../src/emulator/faults.ts';
import type { Emulator } from '../../src/emulator/server.ts';
import type { Random } from './random.ts';

const deletion = { action: 'DeleteEnhancedVpnGateway' } as const;
const unavailable = { kind: 'error', status: 503, code: 'ServiceUnavailable' } as const;

/** Mostly such after which nobody knows whether the deletion took effect. */
const ambiguous: readonly FaultInput[] = [
  { kind: 'reset', ...deletion, when: 'before' },
  { kind: 'reset', ...deletion, when: 'after' },
  { kind: 'hang', ...deletion, when: 'before' },
  { kind: 'hang', ...deletion, when: 'after' },
  { ...unavailable, ...deletion, when: 'before' },
  { ...unavailable, ...deletion, when: 'after' },
  // Takes effect long after its sender was killed, or gave up.
  { kind: 'latency', ...deletion, ms: 1_500, when: 'before' },
  { kind: 'latency', ...deletion, ms: 200, when: 'after' },
  { kind: 'answer', ...deletion, answer: 'cut-off', when: 'after' },
  { kind: 'answer', ...deletion, answer: 'html', when: 'after' },
];

const looks: readonly FaultInput[] = [
  { kind: 'reset', action: 'DescribeVpnGateway', when: 'before' },
  { ...unavailable, action: 'DescribeVpnGateway', when: 'before' },
];

/** From now on, each deletion meets a fault with this probability, and each look with a tenth of it; until stopped. */
export function startFaults({ faults }: Emulator, random: Random, probability: number): { stop(): void } {
  const scripted = faults.take.bind(faults);
  faults.take = (action, resourceId) => {
    const [from, share] = action === deletion.action ? [ambiguous, probability] : [looks, probability / 10];
    if (!random.chance(share)) return scripted(action, resourceId);
    const matching = from.filter((one) => one.action === action);
    const chosen = matching[random.below(matching.length)];
    return chosen === undefined ? scripted(action, resourceId) : faultSchema.parse(chosen);
  };
  return {
    stop() {
      faults.take = scripted;
    },
  };
}
