import type { AuditRecord } from '../../src/audit/record.ts';
import type { HistoryEntry } from '../../src/ledger/operation.ts';
import type { AuditRecordsTable, OperationsTable } from '../../src/storage/schema.ts';
import { budgetsThatDiffer } from './budget-count.ts';
import type { Cloud } from './cloud.ts';
import type { SimulatedDatabase } from './database.ts';
import type { Decision, Witnessed } from './observer.ts';
import type { Process } from './process.ts';
import type { Purpose } from './store.ts';

type Deps = {
  database: SimulatedDatabase;
  cloud: () => Cloud;
  /** As the ledger is set. */
  clientTokenTrustMs: number;
  witnessed: Witnessed;
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

/** Judges every commit by what it changed. `at`: when the transaction was run, by the clock of the process. */
export function createCommitRules(deps: Deps): (process: Process, purpose: Purpose, at: number) => void {
  const { database, witnessed, trace } = deps;
  const { operations, byToken, names, leaves, effects, decisions, nameOf, violate } = witnessed;
  let shownRecords = 0;
  let stopped = false;

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
    else if (row.state !== before.state || row.fence !== before.fence) violate(`${name} changed at a start.`);
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
    if (row.state === 'accepted' && wasToldSo(row) && !effects.has(row.client_token))
      violate(`${name} is said to be accepted by the cloud, which never acted on it.`);
    if (row.state === 'failed' && effects.has(row.client_token))
      violate(`${name} is said to have failed, and took effect.`);
  }

  return onCommit;
}

/** Whether the last thing that happened to it was an answer of the cloud. */
function wasToldSo({ history }: OperationsTable): boolean {
  const last = JSON.parse(history.trimEnd().split('\n').at(-1) ?? '') as HistoryEntry;
  return last.event === 'called' && last.upstreamRequestId !== null;
}
