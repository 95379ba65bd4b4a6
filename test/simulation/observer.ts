import type { OperationsTable } from '../../src/storage/schema.ts';
import type { Cloud } from './cloud.ts';
import { createCommitRules } from './commits.ts';
import type { SimulatedDatabase } from './database.ts';
import { largestClockErrorMs, type Process } from './process.ts';
import type { Scheduler } from './scheduler.ts';
import type { Purpose } from './store.ts';

/** A decision of the policy, as a process made it. */
export type Decision = {
  allow: boolean;
  hourlyLimit: number | null;
  /** When the cloud gave the facts that it rests on. */
  observedAt: number;
};

/**
 * Watches everything that a run does and says what breaks a promise. It knows what is committed, what left for the
 * cloud and what came of it, and judges by rules of its own.
 */
export type Observer = {
  /** `at`: when the transaction was run, by the clock of the process. */
  onCommit(process: Process, purpose: Purpose, at: number): void;
  onSend(process: Process, gatewayId: string, clientToken: string): void;
  onEffect(gatewayId: string, clientToken: string): void;
  onDecision(gatewayId: string, timeMs: number, decision: Decision): void;
  violate(sentence: string): void;
  readonly violations: readonly string[];
  /** What is committed, by operation. */
  readonly operations: ReadonlyMap<string, OperationsTable>;
  hadEffect(clientToken: string): boolean;
  /** What an operation is called in sentences: the same in every repetition of a run. */
  nameOf(operationId: string): string;
};

/** What was seen so far. */
export type Witnessed = {
  /** What is committed, by operation. */
  operations: Map<string, OperationsTable>;
  byToken: Map<string, string>;
  names: Map<string, string>;
  /** Leave to send: by operation and fence, whom it was given to, and for how many attempts. */
  leaves: Map<string, { process: Process; attempts: number }>;
  /** ClientTokens that took effect. */
  effects: Set<string>;
  /** By gateway and time. */
  decisions: Map<string, Decision>;
  nameOf(this: void, operationId: string): string;
  violate(this: void, sentence: string): void;
};

type Deps = {
  scheduler: Scheduler;
  database: SimulatedDatabase;
  cloud: () => Cloud;
  /** As the ledger is set. */
  clientTokenTrustMs: number;
  /** Whether clocks are wrong in this run: then a lease promises less. */
  clocksErr: boolean;
  trace: (text: () => string) => void;
};

const decisionHoldsMs = 30_000;
export function createObserver(deps: Deps): Observer {
  const { scheduler, trace } = deps;
  const violations: string[] = [];
  const names = new Map<string, string>();
  const witnessed: Witnessed = {
    operations: new Map(),
    byToken: new Map(),
    names,
    leaves: new Map(),
    effects: new Set(),
    decisions: new Map(),
    nameOf: (id) => names.get(id) ?? id,
    violate(sentence) {
      violations.push(sentence);
      trace(() => `BROKEN: ${sentence}`);
    },
  };
  const { operations, byToken, leaves, effects, decisions, nameOf, violate } = witnessed;
  /** Two clocks that err, and a clock that was put right meanwhile. */
  const clockToleranceMs = deps.clocksErr ? 2 * largestClockErrorMs : 0;

  function onSend(process: Process, gatewayId: string, clientToken: string): void {
    const id = byToken.get(clientToken);
    const row = operations.get(id ?? '');
    if (id === undefined || row === undefined) {
      violate(
        `A deletion of ${gatewayId} was sent before its intent was durable, or with another ClientToken.`,
      );
      return;
    }
    const name = nameOf(id);
    const now = process.now();
    trace(() => `${process.name.slice(0, 2)} sends ${name}`);
    if (row.resource_id !== gatewayId) violate(`${name} was sent for the gateway ${gatewayId}.`);
    if (row.state === 'failed') violate(`${name} was sent after it had failed.`);
    if (now >= row.token_trusted_until)
      violate(`${name} was sent ${now - row.token_trusted_until} ms after its ClientToken was trusted.`);
    const decision = decisions.get(`${gatewayId} ${row.decided_at}`);
    const holdsMs = decisionHoldsMs + clockToleranceMs;
    if (now - row.decided_at > holdsMs)
      violate(`${name} was sent ${now - row.decided_at} ms after the decision that allowed it.`);
    const age = scheduler.now() - (decision?.observedAt ?? 0);
    if (age > holdsMs) violate(`${name} was sent on facts that were ${age} ms old.`);
    if (!useLeave(process, row)) violate(`${name} was sent without leave for this attempt.`);
    if (deps.clocksErr) return;
    if (row.state !== 'sending' && row.state !== 'unknown')
      violate(`${name} was sent when it was ${row.state}.`);
    if (row.lease_holder !== process.name || now >= row.lease_until)
      violate(`${name} was sent by a process that did not hold its lease.`);
  }

  /** Each attempt needs a leave of its own: the intent, a renewal, a new decision. */
  function useLeave(process: Process, row: OperationsTable): boolean {
    // Where clocks err, a former holder may still send on the leave that it was given.
    for (let fence = row.fence; fence >= (deps.clocksErr ? 1 : row.fence); fence -= 1) {
      const leave = leaves.get(`${row.operation_id} ${fence}`);
      if (leave === undefined || leave.process !== process || leave.attempts < 1) continue;
      leave.attempts -= 1;
      return true;
    }
    return false;
  }

  return {
    onCommit: createCommitRules({ ...deps, witnessed }),
    onSend,
    onEffect(gatewayId, clientToken) {
      const row = operations.get(byToken.get(clientToken) ?? '');
      const name = nameOf(row?.operation_id ?? clientToken);
      trace(() => `cloud: ${name} takes effect on ${gatewayId}`);
      if (effects.has(clientToken)) violate(`${name} took effect a second time.`);
      effects.add(clientToken);
      if (row === undefined) violate(`${name} took effect without a durable intent.`);
      else if (row.state === 'failed') violate(`${name} took effect after it had failed.`);
    },
    onDecision(gatewayId, timeMs, decision) {
      const key = `${gatewayId} ${timeMs}`;
      if (decision.allow || !decisions.has(key)) decisions.set(key, decision);
    },
    violate,
    violations,
    operations,
    hadEffect: (clientToken) => effects.has(clientToken),
    nameOf,
  };
}
