import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import SqliteDatabase from 'better-sqlite3';
import type { StoredAuditRecord } from '../src/audit/log.ts';
import { demoSeed } from '../src/emulator/demo-seed.ts';
import { defaultBundleFile } from '../src/package-files.ts';
import type { PolicyResult } from '../src/policy/decision.ts';
import type { AdmissionInput, DecisionInput } from '../src/policy/input.ts';
import { type LivePolicy, loadPolicy } from '../src/policy/runtime.ts';
import { databaseFile } from '../src/storage/sqlite.ts';
import { operator, startTestGateway, type TestGateway } from './support/gateway.ts';
import { auditRecords, recordsOf } from './support/observe.ts';

let portcullis: TestGateway;
let policy: LivePolicy;
before(async () => {
  policy = await loadPolicy(defaultBundleFile);
  portcullis = await startTestGateway();
});
after(() => portcullis[Symbol.asyncDispose]());

/** Asks the policy again, by what the record holds and nothing else. */
function replay({ stage, policyInput }: StoredAuditRecord): PolicyResult {
  return stage === 'admission'
    ? policy.admission(policyInput as AdmissionInput)
    : policy.decision(policyInput as DecisionInput);
}

test('every decision comes out the same when its record is replayed', async () => {
  for (const { vpnGatewayId, regionId } of demoSeed(Date.now).gateways) {
    for (const caller of [operator, { ...operator, roles: [] }, { ...operator, teams: ['payments'] }]) {
      await portcullis.remove(vpnGatewayId, { region: regionId, caller });
    }
  }
  const decisions = (await auditRecords(portcullis)).filter(({ kind }) => kind === 'decision');
  const allowed = decisions.filter(({ result }) => result === 'allowed').length;
  assert.ok(allowed >= 3 && decisions.length - allowed >= 20);
  for (const record of decisions) {
    assert.equal(record.policyDigest, policy.digest);
    assert.equal(record.policyRevision, policy.revision);
    const result = replay(record);
    assert.equal(result.allow, record.result === 'allowed', record.request?.resourceId ?? '');
    assert.deepEqual(result.violations, record.violations);
  }
});

test('the recorded input is what was asked, what stood there, and when', async () => {
  const earliest = Date.now();
  const answer = await portcullis.remove('vpn-democonnected1', { query: '?reason=because&ticket=T-1' });
  const [record] = await recordsOf(portcullis, answer);
  const input = record?.policyInput as DecisionInput;
  assert.deepEqual(input.subject.properties.teams, operator.teams);
  assert.deepEqual(input.context.reason, 'because');
  assert.deepEqual(input.context.ticket, 'T-1');
  assert.equal(input.context.requestId, answer.body.requestId);
  assert.ok(input.context.timeMs >= earliest && input.context.timeMs <= Date.now());
  const facts = input.context.facts as {
    gateway: { vpnGatewayId: string; status: string; accountId: string; regionId: string };
    connections: { total: number; items: object[] };
  };
  assert.deepEqual(
    [facts.gateway.vpnGatewayId, facts.gateway.status, facts.gateway.accountId, facts.gateway.regionId],
    ['vpn-democonnected1', 'active', '1234567890123456', 'cn-hangzhou'],
  );
  assert.deepEqual([facts.connections.total, facts.connections.items.length], [2, 2]);
});

test('time is part of it: replayed with another, a decision can come out otherwise', async () => {
  const answer = await portcullis.remove('vpn-demoprepaid1');
  const [record] = await recordsOf(portcullis, answer);
  assert.ok(record !== undefined);
  assert.equal(replay(record).allow, false);
  const input = structuredClone(record.policyInput) as DecisionInput;
  input.context.timeMs += 365 * 86_400_000;
  assert.equal(policy.decision(input).allow, true);
});

test('the intent holds the input of its decision', async () => {
  const answer = await portcullis.remove('vpn-demodeletable2');
  assert.ok(answer.status === 200 || answer.status === 403);
  using stack = new DisposableStack();
  const db = stack.adopt(new SqliteDatabase(join(portcullis.stateDir, databaseFile)), (one) => one.close());
  const intents = db.prepare('select operation_id as id, policy_input_json as input from operations').all();
  assert.ok(intents.length > 0);
  const records = (await auditRecords(portcullis)).filter(({ kind }) => kind === 'decision');
  for (const intent of intents as { id: string; input: string }[]) {
    const record = records.find(({ operationId }) => operationId === intent.id);
    assert.deepEqual(JSON.parse(intent.input), record?.policyInput);
  }
});
