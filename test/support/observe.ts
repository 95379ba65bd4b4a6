import { setTimeout as delay } from 'node:timers/promises';
import type { Response } from 'supertest';
import type { StoredAuditRecord } from '../../src/audit/log.ts';
import type { JournalEntry } from '../../src/emulator/journal.ts';
import type { Emulator } from '../../src/emulator/server.ts';
import { auditor, type Caller, operator, type TestGateway } from './gateway.ts';

export const deletion = 'DeleteEnhancedVpnGateway';

/** Every deletion that the cloud was asked for, refused ones included. */
export function deletions(cloud: Emulator): readonly JournalEntry[] {
  return cloud.journal.entries().filter(({ action }) => action === deletion);
}

/** How many calls of an action the cloud has met. */
export function calls(cloud: Emulator, action: string): number {
  return cloud.journal.entries().filter((entry) => entry.action === action).length;
}

/** How long is waited for anything, far longer than it ever takes; only so that a test in vain ends. */
const patienceMs = 30_000;

/** Resolves when `condition` holds; rejects when it does not come to hold. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`Waited in vain for: ${condition.toString()}`);
    await delay(10);
  }
}

/** Audit records as the auditor reads them over HTTP, oldest first. `query` without the question mark. */
export async function auditRecords(
  portcullis: TestGateway,
  query = 'limit=1000',
): Promise<StoredAuditRecord[]> {
  const authorization = `Bearer ${await portcullis.token(auditor)}`;
  const answer = await portcullis.send('get', `/v1/audit/records?${query}`, { Authorization: authorization });
  if (answer.status !== 200) throw new Error(`The audit log could not be read: ${answer.text}`);
  return answer.body.records;
}

/** The records of one request, by the id that its answer carries. */
export async function recordsOf(portcullis: TestGateway, answer: Response): Promise<StoredAuditRecord[]> {
  const requestId = answer.headers['x-request-id'];
  return (await auditRecords(portcullis)).filter(({ origin }) => origin.requestId === requestId);
}

/** `GET /v1/operations/{operationId}` as `caller`. */
export async function readOperation(
  portcullis: TestGateway,
  operationId: string,
  caller: Caller = operator,
): Promise<Response> {
  return portcullis.send('get', `/v1/operations/${operationId}`, {
    Authorization: `Bearer ${await portcullis.token(caller)}`,
  });
}

/** The operation once it is in `state`. */
export async function operationIn(
  portcullis: TestGateway,
  operationId: string,
  state: string,
): Promise<Response['body']> {
  let body: Response['body'];
  await until(async () => {
    const answer = await readOperation(portcullis, operationId);
    if (answer.status !== 200) throw new Error(`The operation could not be read: ${answer.text}`);
    ({ body } = answer);
    return body.state === state;
  });
  return body;
}

/** Lets a gateway that is being deleted be gone at once. */
export function finishDeletion(cloud: Emulator, id: string, region = 'cn-hangzhou'): void {
  const gateway = cloud.cloud.gateway(region, id);
  if (gateway !== null) cloud.cloud.change(gateway, { settles: { atMs: 0, into: 'gone' } });
}
