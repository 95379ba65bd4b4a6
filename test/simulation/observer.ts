import type { AuditRecord } from '../../src/audit/record.ts';
import type { AuditRecordsTable, OperationsTable } from '../../src/storage/schema.ts';
import { budgetsThatDiffer } from './budget-count.ts';
import type { Cloud } from './cloud.ts';
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
  isStopped(): boolean;
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

/** By the documentation, not by the code's own table. */
const mayFollow: Record<string, readonly string[]> = {
  sending: ['accepted', 'gone', 'failed', 'unknown', 'needs_attention'],
  unknown: ['accepted', 'gone', 'needs_attention'],
  accepted: ['gone', 'needs_attention'],
  needs_attention: ['gone'],
  gone: [],
  failed: [],
};
const underWay = new Set(['pending', 'sending', 'unknown', 'accepted']);
const decisionHoldsMs = 30_000;
const unchanging = [
  'client_token',
  'request_id',
  'resource_id',
  'region_id',
  'token_trusted_until',
  'created_at',
  'fingerprint',
  'principal_json',
  'policy_input_json',
] as const;

export function createObserver(deps: Deps): Observer {
  const { scheduler, database, trace } = deps;
  const operations = new Map<string, OperationsTable>();
  const byToken = new Map<string, string>();
  const names = new Map<string, string>();
  /** Leave to send once: by operation and fence, whom it was given to. */
  const leaves = new Map<string, { process: Process; attempts: number }>();
  const effects = new Set<string>();
  const decisions = new Map<string, Decision>();
  /** Two clocks that err, and a clock that was put right meanwhile. */
  const clockToleranceMs = deps.clocksErr ? 2 * largestClockErrorMs : 0;
  const violations: string[] = [];
  let shownRecords = 0;
  let stopped = false;

  const nameOf = (id: string) => names.get(id) ?? id;

  function violate(sentence: string): void {
    violations.push(sentence);
    trace(() => `BROKEN: ${sentence}`);
  }

  function onCommit(process: Process, purpose: Purpose, at: number): void {
    const committed = database.committed(shownRecords);
    shownRecords = Number(committed.records.at(-1)?.sequence ?? shownRecords);
    for (const row of committed.operations) {
      const before = operations.get(row.operation_id);
      if (before === undefined) begun(process, row, committed.records, committed.operations);
      else changed(process, purpose, at, before, row, committed.records);
      operations.set(row.operation_id, row);
    }
    if (committed.stopped !== stopped) {
      stopped = committed.stopped;
      trace(() => `deletions are ${stopped ? 'stopped' : 'resumed'}`);
      if (!committed.records.some(({ kind }) => kind === 'administration'))
        violate('The emergency stop changed without a record.');
    }
    for (const sentence of budgetsThatDiffer(committed.operations, committed.budgets)) violate(sentence);
  }

  function begun(
    process: Process,
    row: OperationsTable,
    records: AuditRecordsTable[],
    all: OperationsTable[],
  ): void {
    const id = row.operation_id;
    names.set(id, `op${names.size + 1}`);
    trace(() => `${process.name.slice(0, 2)} began ${nameOf(id)} of ${row.resource_id}`);
    if (stopped) violate(`${nameOf(id)} began while deletions were stopped.`);
    if (row.state !== 'sending' || row.fence !== 1) violate(`${nameOf(id)} began as ${row.state}.`);
    if (row.token_trusted_until - row.created_at > deps.clientTokenTrustMs)
      violate(`The ClientToken of ${nameOf(id)} is trusted for longer than set.`);
    if (byToken.has(row.client_token)) violate(`${nameOf(id)} has the ClientToken of another operation.`);
    byToken.set(row.client_token, id);
    for (const other of all) {
      if (other.operation_id === id) continue;
      if (other.resource_id === row.resource_id && underWay.has(other.state))
        violate(
          `${nameOf(id)} began while ${nameOf(other.operation_id)} of the same gateway was ${other.state}.`,
        );
      if (other.principal_subject === row.principal_subject && other.idempotency_key === row.idempotency_key)
        if (row.idempotency_key !== null)
          violate(`${nameOf(id)} and ${nameOf(other.operation_id)} began by one Idempotency-Key.`);
    }
    const limit = decidedBefore(row, records, 'intent')?.hourlyLimit ?? null;
    const counted = all.filter(
      ({ state, created_at: at }) => state !== 'failed' && row.created_at - at < 3_600_000,
    );
    if (limit !== null && counted.length > limit)
      violate(`${nameOf(id)} is the ${counted.length}th within an hour, and ${limit} were allowed.`);
    leaves.set(`${id} 1`, { process, attempts: 1 });
  }

  /** The decision that a row rests on, recorded in the same commit; null is broken already. */
  function decidedBefore(row: OperationsTable, records: AuditRecordsTable[], stage: string): Decision | null {
    const name = nameOf(row.operation_id);
    const record = records
      .filter(
        ({ kind, result, operation_id: of }) =>
          kind === 'decision' && result === 'allowed' && of === row.operation_id,
      )
      .map(({ record_json: json }) => JSON.parse(json) as AuditRecord)
      .find((one) => one.stage === stage && one.clientToken === row.client_token);
    if (record === undefined) {
      violate(`${name} may be sent without a record of its decision (${stage}).`);
      return null;
    }
    const decision = decisions.get(`${row.resource_id} ${row.decided_at}`);
    if (decision?.allow !== true) {
      violate(`${name} may be sent, and the policy did not allow it at the time that it names.`);
      return null;
    }
    return decision;
  }

  function changed(
    process: Process,
    purpose: Purpose,
    at: number,
    before: OperationsTable,
    row: OperationsTable,
    records: AuditRecordsTable[],
  ): void {
    const id = row.operation_id;
    const isSame =
      before.fence === row.fence &&
      before.state === row.state &&
      before.history === row.history &&
      before.lease_until === row.lease_until &&
      before.next_look_at === row.next_look_at &&
      before.attempts === row.attempts &&
      before.decided_at === row.decided_at;
    if (isSame) return;
    const name = nameOf(id);
    for (const column of unchanging) {
      if (before[column] !== row[column]) violate(`${column} of ${name} changed.`);
    }
    if (purpose.name === 'claim') claimed(process, at, before, row);
    else if (purpose.name !== 'break-leases') written(process, purpose, at, before, row, records);
  }

  /** A write by who holds the operation. */
  function written(
    process: Process,
    purpose: Purpose,
    at: number,
    before: OperationsTable,
    row: OperationsTable,
    records: AuditRecordsTable[],
  ): void {
    const id = row.operation_id;
    const name = nameOf(id);
    const { held } = purpose;
    if (held?.operationId !== id || held.fence !== before.fence || row.fence !== before.fence)
      violate(
        `${process.name.slice(0, 2)} changed ${name} (${purpose.name}) under the fence ${held?.fence}, and ${before.fence} holds.`,
      );
    if (purpose.name === 'renew') grant(process, row);
    if (purpose.name === 'send-again') {
      grant(process, row);
      decidedBefore(row, records, 'recovery');
      if (at >= row.token_trusted_until) violate(`${name} may be sent again with an old ClientToken.`);
      if (!row.history.slice(before.history.length).includes('"sent-again"'))
        violate(`The history of ${name} does not say that it is sent again.`);
    }
    if (before.state !== row.state) moved(process, purpose, before, row, records);
  }

  function claimed(process: Process, at: number, before: OperationsTable, row: OperationsTable): void {
    const name = nameOf(row.operation_id);
    trace(() => `${process.name.slice(0, 2)} took up ${name} (${row.state}), fence ${row.fence}`);
    if (row.fence !== before.fence + 1) violate(`${name} was taken up without a new fence.`);
    if (row.state !== before.state) violate(`${name} became ${row.state} when it was taken up.`);
    if (before.state === 'gone' || before.state === 'failed') violate(`${name} was taken up after its end.`);
    if (at < before.lease_until)
      violate(`${name} was taken up ${before.lease_until - at} ms before its lease was over.`);
  }

  function grant(process: Process, row: OperationsTable): void {
    const name = nameOf(row.operation_id);
    if (stopped) violate(`Leave to send ${name} was given while deletions were stopped.`);
    const key = `${row.operation_id} ${row.fence}`;
    leaves.set(key, { process, attempts: (leaves.get(key)?.attempts ?? 0) + 1 });
  }

  function moved(
    process: Process,
    purpose: Purpose,
    before: OperationsTable,
    row: OperationsTable,
    records: AuditRecordsTable[],
  ): void {
    const name = nameOf(row.operation_id);
    trace(() => `${process.name.slice(0, 2)} recorded ${name}: ${before.state} -> ${row.state}`);
    if (mayFollow[before.state]?.includes(row.state) !== true)
      violate(`${name} went from ${before.state} to ${row.state}.`);
    const isRecorded = records.some(
      ({ kind, result, operation_id: of }) =>
        kind === 'outcome' && result === row.state && of === row.operation_id,
    );
    if (!isRecorded && purpose.name !== 'send-again')
      violate(`${name} became ${row.state} without a record.`);
    const { status, deletions } = deps.cloud().gateway(row.resource_id);
    if (row.state === 'gone' && status !== 'gone') violate(`${name} is said to be gone, and is ${status}.`);
    if (row.state === 'accepted' && deletions === 0)
      violate(`${name} is said to be accepted, and its deletion never began.`);
    if (row.state === 'failed' && effects.has(row.client_token))
      violate(`${name} is said to have failed, and took effect.`);
  }

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
    onCommit,
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
    isStopped: () => stopped,
  };
}
