import type { Arrival, Evidence, Exchange, OperationRow, RecordRow } from './evidence.ts';

const deletion = 'DeleteEnhancedVpnGateway';
/** States in which nothing is under way and nothing may be sent. */
const ended = new Set(['accepted', 'gone', 'failed', 'needs_attention']);
/** Between the gateway's last look at the clock and the arrival at the cloud. */
const clockToleranceMs = 1_000;

/**
 * Every promise that the evidence shows broken, one sentence each; none when all were kept. Knows the cloud's journal,
 * two tables and the HTTP answers, and nothing of the code that made them.
 */
export function brokenPromises(evidence: Evidence): string[] {
  const ledger = byToken(evidence.operations);
  return [
    ...brokenBySends(evidence, ledger),
    ...brokenByRecovery(evidence, ledger),
    ...brokenByEffects(evidence, ledger),
    ...brokenByRecords(evidence),
    ...brokenByTakingOver(evidence),
    ...brokenByAnswers(evidence),
    ...brokenByKeys(evidence),
    ...(evidence.settled ? unfinished(evidence.operations) : []),
  ];
}

function byToken(operations: readonly OperationRow[]): Map<string, OperationRow> {
  return new Map(operations.map((operation) => [operation.clientToken, operation]));
}

/** No deletion without an earlier durable intent of that gateway and ClientToken, its decision recorded with it. */
export function brokenBySends(
  { arrivals, forbidden }: Evidence,
  ledger: Map<string, OperationRow>,
): string[] {
  return deletionsIn(arrivals).flatMap((send) => {
    const what = `The deletion of ${send.resourceId} with ClientToken ${send.clientToken}, sent by ${send.sender},`;
    const { witnessed } = send;
    const known = ledger.get(send.clientToken ?? '');
    const broken: string[] = [];
    if (known === undefined) broken.push(`${what} is unknown to the ledger.`);
    else if (known.resourceId !== send.resourceId)
      broken.push(`${what} has the token of ${known.resourceId}.`);
    if (witnessed?.kind === 'absent') broken.push(`${what} arrived before its intent was durable.`);
    if (witnessed?.kind === 'intent') {
      const { state, decisions, tokenTrustedUntil } = witnessed;
      if (decisions === 0) broken.push(`${what} arrived before its decision was recorded.`);
      if (ended.has(state)) broken.push(`${what} arrived when the operation was ${state}.`);
      if (send.atMs > tokenTrustedUntil + clockToleranceMs)
        broken.push(`${what} arrived ${send.atMs - tokenTrustedUntil} ms after its token was trusted.`);
    }
    for (const { resourceId, fromMs, untilMs, why } of forbidden) {
      if (resourceId !== null && resourceId !== send.resourceId) continue;
      if (send.atMs >= fromMs && send.atMs < untilMs) broken.push(`${what} arrived although ${why}.`);
    }
    return broken;
  });
}

/** What is sent after the request that began it has been given up rests on a look, and on a decision of its own. */
function brokenByRecovery({ arrivals, exchanges }: Evidence, ledger: Map<string, OperationRow>): string[] {
  const begunBy = new Map(exchanges.map(({ requestId, instance }) => [requestId, instance]));
  const asked = new Set<string>();
  const sent = new Set<string>();
  const recoverers = new Map<string, number>();
  const broken: string[] = [];
  for (const { action, sender, resourceId, clientToken, witnessed } of arrivals) {
    asked.add(`${sender} ${action} ${resourceId}`);
    if (action !== deletion) continue;
    const name = `${sender} ${clientToken}`;
    const isFirst = !sent.has(name);
    sent.add(name);
    const what = `The deletion of ${resourceId} with ClientToken ${clientToken} by ${sender}`;
    for (const look of ['DescribeVpnGateway', 'DescribeVpnConnections']) {
      if (isFirst && !asked.has(`${sender} ${look} ${resourceId}`))
        broken.push(`${what} was sent without ${look}.`);
    }
    const operation = ledger.get(clientToken ?? '');
    const began = begunBy.get(operation?.requestId ?? '');
    if (began === undefined || witnessed?.kind !== 'intent') continue;
    if (isFirst && began !== sender)
      recoverers.set(clientToken ?? '', (recoverers.get(clientToken ?? '') ?? 0) + 1);
    // The process that began it owes a decision, too, once it had given up.
    const owed = Math.max(recoverers.get(clientToken ?? '') ?? 0, witnessed.state === 'unknown' ? 1 : 0);
    if (witnessed.recoveryDecisions < owed) {
      broken.push(`${what} rests on ${witnessed.recoveryDecisions} decisions of recovery, and owes ${owed}.`);
    }
  }
  return broken;
}

/** At most one effect an operation and a gateway, and none by one that certainly had none. */
function brokenByEffects({ effects }: Evidence, ledger: Map<string, OperationRow>): string[] {
  const broken: string[] = [];
  const tokens = new Set<string | null>();
  const resources = new Set<string>();
  for (const { effect, clientToken, resourceId } of effects) {
    const what = `The deletion of ${resourceId} with ClientToken ${clientToken}`;
    const operation = ledger.get(clientToken ?? '');
    if (operation === undefined) broken.push(`${what} took effect and is unknown to the ledger.`);
    if (operation?.state === 'failed') broken.push(`${what} took effect, and the ledger says it failed.`);
    if (effect === 'replayed') continue;
    if (tokens.has(clientToken) || resources.has(resourceId))
      broken.push(`${what} took effect a second time.`);
    tokens.add(clientToken);
    resources.add(resourceId);
  }
  return broken;
}

/** Decision, then outcomes; each state that is recorded has its record; one deletion of a gateway at a time. */
function brokenByRecords({ operations, records, effects }: Evidence): string[] {
  const broken: string[] = [];
  const effective = new Set(effects.map(({ clientToken }) => clientToken));
  const recordsOf = Map.groupBy(
    records.filter(({ kind }) => kind === 'decision' || kind === 'outcome'),
    ({ operationId }) => operationId,
  );
  for (const operation of operations) {
    const { operationId, clientToken, state } = operation;
    const own = (recordsOf.get(operationId) ?? []).filter(
      ({ result }) => result !== 'replayed' && result !== 'refused',
    );
    const outcomes = own.filter(({ kind }) => kind === 'outcome');
    const decisions = own.filter(
      ({ kind, stage, result }) => kind === 'decision' && stage !== 'recovery' && result === 'allowed',
    );
    if (decisions.length !== 1) broken.push(`${operationId} has ${decisions.length} decision records.`);
    const [first] = decisions;
    if (first !== undefined && outcomes.some(({ sequence }) => sequence < first.sequence)) {
      broken.push(`${operationId} has an outcome that was recorded before its decision.`);
    }
    if (own.some((record) => record.clientToken !== null && record.clientToken !== clientToken)) {
      broken.push(`${operationId} has another ClientToken in its records than ${clientToken}.`);
    }
    // Recovery that decides to send again says with that very record that the outcome is unknown.
    const sentAgain = own.some(({ stage, result }) => stage === 'recovery' && result === 'allowed');
    const isRecorded =
      ['pending', 'sending'].includes(state) ||
      outcomes.some(({ result }) => result === state) ||
      (state === 'unknown' && sentAgain);
    if (!isRecorded) {
      broken.push(`${operationId} is ${state} without a record of it.`);
    }
    if (outcomes.some(({ result }) => result === 'failed') && effective.has(clientToken)) {
      broken.push(`${operationId} was recorded as failed and took effect.`);
    }
  }
  const known = new Set(operations.map(({ operationId }) => operationId));
  for (const operationId of recordsOf.keys()) {
    if (operationId !== null && !known.has(operationId))
      broken.push(`${operationId} has records and is not in the ledger.`);
  }
  return [...broken, ...overlaps(operations, records)];
}

/** An operation belongs to the process that began it until it gave it up or its lease ended, and from then on to recovery. */
function brokenByTakingOver({ operations, records, leaseMs }: Evidence): string[] {
  const recordsOf = Map.groupBy(records, ({ operationId }) => operationId);
  return operations.flatMap(({ operationId, createdAtMs }) => {
    const own = recordsOf.get(operationId) ?? [];
    const taken = own.find(({ stage }) => stage === 'recovery');
    if (taken === undefined) return [];
    const called = own.filter(({ kind, stage }) => kind === 'outcome' && stage === 'call');
    const broken: string[] = [];
    if (called.some(({ sequence }) => sequence > taken.sequence)) {
      broken.push(`${operationId} has an outcome by the process that recovery had taken it from.`);
    }
    const ageMs = taken.atMs - createdAtMs;
    if (leaseMs !== null && called.length === 0 && ageMs < leaseMs) {
      broken.push(`${operationId} was taken up ${ageMs} ms after it began, before its lease ended.`);
    }
    return broken;
  });
}

/** An operation is under way from its decision until a record says that it ended. */
function overlaps(operations: readonly OperationRow[], records: readonly RecordRow[]): string[] {
  const resourceOf = new Map(operations.map(({ operationId, resourceId }) => [operationId, resourceId]));
  const underWay = new Map<string, string>();
  return records.flatMap(({ kind, stage, result, operationId }) => {
    const resourceId = resourceOf.get(operationId ?? '');
    if (operationId === null || resourceId === undefined) return [];
    const other = underWay.get(resourceId);
    if (kind === 'outcome') {
      if (other === operationId && ['gone', 'failed', 'needs_attention'].includes(result))
        underWay.delete(resourceId);
      return [];
    }
    if (kind !== 'decision' || stage === 'recovery' || result !== 'allowed') return [];
    underWay.set(resourceId, operationId);
    return other === undefined
      ? []
      : [`${operationId} began while ${other} deleted the same gateway ${resourceId}.`];
  });
}

/** Every answer that came whole is still true. */
function brokenByAnswers({ exchanges, operations, effects }: Evidence): string[] {
  const byId = new Map(operations.map((operation) => [operation.operationId, operation]));
  const byRequest = new Map(operations.map((operation) => [operation.requestId, operation]));
  const effective = new Set(effects.map(({ clientToken }) => clientToken));
  return exchanges.flatMap((exchange) => {
    if (exchange.answer === null) return [];
    const { status, body } = exchange.answer;
    const what = `The answer ${status} ${body.code ?? body.state} to ${exchange.requestId} for ${exchange.resourceId}`;
    if (status < 300) {
      const operation = byId.get(body.operationId ?? '');
      if (operation === undefined)
        return [`${what} names ${body.operationId}, which the ledger does not have.`];
      return acknowledged(exchange, operation, effective).map((broken) => `${what} ${broken}`);
    }
    const own = byRequest.get(exchange.requestId);
    if (own === undefined) return [];
    if (status >= 400 && (body.operationId === null || body.operationId !== own.operationId)) {
      // An unconfirmed commit is the only refusal that may leave an intent behind, and it says so.
      const uncertain = body.code === 'STORE_UNAVAILABLE' && !/nothing is deleted/.test(body.detail ?? '');
      return uncertain ? [] : [`${what} refuses, and yet began ${own.operationId}.`];
    }
    if (['STORE_UNAVAILABLE', 'OPERATION_IN_PROGRESS'].includes(body.code ?? '')) return [];
    if (own.state !== 'failed') return [`${what} says that it failed, and the operation is ${own.state}.`];
    return effective.has(own.clientToken) ? [`${what} says that it failed, and it took effect.`] : [];
  });
}

function acknowledged(
  { answer, resourceId }: Exchange,
  operation: OperationRow,
  effective: Set<string | null>,
): string[] {
  const body = answer?.body;
  const broken: string[] = [];
  if (body?.clientToken !== operation.clientToken)
    broken.push(`names another ClientToken than ${operation.clientToken}.`);
  if (operation.resourceId !== resourceId) broken.push(`names an operation of ${operation.resourceId}.`);
  const after: Record<string, readonly string[]> = {
    accepted: ['accepted', 'gone', 'needs_attention'],
    gone: ['gone'],
    failed: ['failed'],
    unknown: ['unknown', 'accepted', 'gone', 'needs_attention'],
  };
  if (after[body?.state ?? '']?.includes(operation.state) === false)
    broken.push(`stands against the state ${operation.state}.`);
  if (
    body?.state === 'accepted' &&
    body.upstreamRequestId !== null &&
    !effective.has(operation.clientToken)
  ) {
    broken.push('says that the cloud accepted it, and the cloud knows nothing of it.');
  }
  return broken;
}

/** A key stands for one operation for ever. */
function brokenByKeys({ exchanges, operations }: Evidence): string[] {
  const broken: string[] = [];
  const keyed = operations.filter(({ idempotencyKey }) => idempotencyKey !== null);
  const begun = Map.groupBy(keyed, ({ subject, idempotencyKey }) => `${subject} ${idempotencyKey}`);
  for (const [name, all] of begun) {
    if (all.length > 1) broken.push(`The key ${name} began ${all.length} operations.`);
  }
  const told = new Set<string>();
  for (const { key, subject, requestId, answer } of exchanges) {
    if (key === null || answer === null) continue;
    const name = `${subject} ${key}`;
    const [operation] = begun.get(name) ?? [];
    const { status, body } = answer;
    if (status < 300) {
      told.add(name);
      if (operation?.operationId !== body.operationId) {
        broken.push(
          `The key ${key} was answered with ${body.operationId} to ${requestId}, and stands for ${operation?.operationId}.`,
        );
      }
    } else if (
      told.has(name) &&
      status < 500 &&
      status !== 429 &&
      body.operationId !== operation?.operationId
    ) {
      broken.push(
        `The key ${key} was answered with ${status} ${body.code} to ${requestId}, and had been told more.`,
      );
    }
  }
  return broken;
}

function unfinished(operations: readonly OperationRow[]): string[] {
  return operations
    .filter(({ state }) => !ended.has(state))
    .map(({ operationId, state, resourceId }) => `${operationId} of ${resourceId} is still ${state}.`);
}

function deletionsIn(arrivals: readonly Arrival[]): Arrival[] {
  return arrivals.filter(({ action }) => action === deletion);
}
