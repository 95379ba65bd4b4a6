import { Problem } from '../../src/errors.ts';
import { guardedDelete } from '../../src/guard/delete.ts';
import type { GuardedRequest } from '../../src/guard/request.ts';
import type { Operation } from '../../src/ledger/operation.ts';
import type { OperationsTable } from '../../src/storage/schema.ts';
import type { Choices } from './choices.ts';
import type { SimulatedGateway } from './gateway.ts';
import type { Observer } from './observer.ts';
import type { Process } from './process.ts';
import type { Scheduler } from './scheduler.ts';

/** What a caller was told, to be held against what became of it. */
export type Told = {
  requestId: string;
  subject: string;
  key: string | null;
  gatewayId: string;
  /** The operation that the key stood for when the request was sent. */
  stoodFor: OperationsTable | null;
  answer:
    | { kind: 'operation'; state: string; operationId: string; isNew: boolean }
    | { kind: 'validated' }
    | { kind: 'problem'; code: string; operationId: string | null };
};

type Deps = {
  scheduler: Scheduler;
  choices: Choices;
  observer: Observer;
  /** A process that takes requests now, if there is one, by a number of the caller's. */
  reach: (turn: number) => { process: Process; gateway: SimulatedGateway } | null;
  onTold: (told: Told) => void;
  trace: (text: () => string) => void;
};

export const issuer = 'https://issuer.simulated';
export const regionId = 'cn-hangzhou';
const transient = new Set([
  'OPERATION_IN_PROGRESS',
  'STORE_UNAVAILABLE',
  'DELETIONS_STOPPED',
  'BUDGET_EXHAUSTED',
]);

/** Callers that ask for deletions and ask again when they are not answered. Returns how many are not done yet. */
export function startCallers(deps: Deps): () => number {
  const { scheduler, choices, observer, trace } = deps;
  let requests = 0;
  const callers = 1 + choices.pick([1, 0, 2, 3]);
  let busy = callers;
  for (let index = 0; index < callers; index += 1) {
    const subject = choices.pick(['ann', 'ann', 'bob']);
    const validateOnly = choices.chance(10);
    // A validation uses no key.
    const key = validateOnly ? null : choices.pick(['k1', null, 'k1', 'k2']);
    const gatewayId = choices.pick(['vpn-a', 'vpn-a', 'vpn-b', 'vpn-c']);
    const patienceMs = choices.pick([60_000, 60_000, 5_000]);
    let tries = 1 + choices.pick([2, 0, 1, 4]);
    scheduler.after(choices.pick([0, 0, 3, 40, 700, 6_000, 25_000]), attempt);

    function attempt(): void {
      if (tries === 0) {
        busy -= 1;
        return;
      }
      tries -= 1;
      const reached = deps.reach(choices.below(3));
      if (reached === null) {
        again();
        return;
      }
      requests += 1;
      const requestId = `caller-${requests}`;
      const { process, gateway } = reached;
      trace(
        () =>
          `${subject} asks ${process.name.slice(0, 2)} for ${gatewayId} (${key ?? 'no key'}, ${requestId})`,
      );
      let waiting = true;
      const giveUp = scheduler.after(patienceMs, hearNothing);
      process.onDeath(() => void scheduler.after(1, hearNothing));
      const stoodFor = keyed(observer, subject, key);
      process.deliver(() => {
        const asked = request(requestId, subject, gatewayId, key, validateOnly, process.now());
        void answerTo(gateway, asked).then((answer) => {
          // Told by the process though the caller has gone: as true as any answer.
          deps.onTold({ requestId, subject, key, gatewayId, stoodFor, answer });
          trace(() => `${requestId} is answered ${told(answer, observer)}`);
          if (!waiting) return;
          waiting = false;
          giveUp.cancel();
          if (answer.kind === 'problem' && transient.has(answer.code)) again();
          else busy -= 1;
        });
      });

      function hearNothing(): void {
        if (!waiting) return;
        waiting = false;
        giveUp.cancel();
        again();
      }
    }

    function again(): void {
      scheduler.after(choices.pick([500, 10, 2_500, 10_000]), attempt);
    }
  }
  return () => busy;
}

function keyed(observer: Observer, subject: string, key: string | null): OperationsTable | null {
  if (key === null) return null;
  for (const row of observer.operations.values()) {
    if (row.principal_subject === subject && row.idempotency_key === key) return row;
  }
  return null;
}

async function answerTo(gateway: SimulatedGateway, asked: GuardedRequest): Promise<Told['answer']> {
  try {
    const answer = await guardedDelete(gateway.guard, asked);
    switch (answer.kind) {
      case 'validated':
        return { kind: 'validated' };
      case 'replayed':
        return answered(answer.operation, false);
      case 'begun':
        return answered(await answer.outcome, true);
    }
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { kind: 'problem', code: error.code, operationId: error.options.operationId ?? null };
  }
}

function answered({ state, operationId }: Operation, isNew: boolean): Told['answer'] {
  return { kind: 'operation', state, operationId, isNew };
}

function request(
  requestId: string,
  subject: string,
  resourceId: string,
  idempotencyKey: string | null,
  validateOnly: boolean,
  arrivedAtMs: number,
): GuardedRequest {
  return {
    principal: { issuer, subject, tenant: 'acme', roles: [], teams: [], tokenHash: '' },
    origin: { requestId, traceId: '0'.repeat(32), sourceAddress: '192.0.2.1' },
    arrivedAtMs,
    target: { regionId, resourceId },
    reason: null,
    ticket: null,
    validateOnly,
    idempotencyKey,
  };
}

function told(answer: Told['answer'], observer: Observer): string {
  switch (answer.kind) {
    case 'validated':
      return 'that it would be deleted';
    case 'operation':
      return `${observer.nameOf(answer.operationId)}, ${answer.state}${answer.isNew ? '' : ' (as before)'}`;
    case 'problem':
      return `${answer.code}${answer.operationId === null ? '' : ` (${observer.nameOf(answer.operationId)})`}`;
  }
}
