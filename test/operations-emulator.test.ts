import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { demoSeed } from '../src/emulator/demo-seed.ts';
import type { FaultInput } from '../src/emulator/faults.ts';
import { emulatorDefaults, startEmulator } from '../src/emulator/server.ts';
import { Problem } from '../src/errors.ts';
import {
  createDeleteEnhancedVpnGateway,
  newClientToken,
} from '../src/operations/delete-enhanced-vpn-gateway.ts';
import type { EnhancedVpnGatewayFacts } from '../src/operations/facts.ts';
import { createAccount } from '../src/upstream/account.ts';
import { createCredentialSource } from '../src/upstream/credentials.ts';
import { createRpc } from '../src/upstream/rpc.ts';
import { endpointsAt, frozenPace, permitted } from './support/upstream.ts';

const regionId = 'cn-hangzhou';
const del = 'DeleteEnhancedVpnGateway';
const [key] = emulatorDefaults.accessKeys;

/** The emulator and the operation on one clock, which only the waits of the operation move. */
async function start({ secret = key.accessKeySecret as string, readTimeoutMs = 5_000 } = {}) {
  const pace = frozenPace(Date.now());
  const { signal } = new AbortController();
  const emulator = await startEmulator({
    ...emulatorDefaults,
    port: 0,
    now: pace.now,
    seed: demoSeed(pace.now),
  });
  const credentials = createCredentialSource({ kind: 'static', ...key, accessKeySecret: secret });
  const endpoints = endpointsAt(`127.0.0.1:${emulator.port}`);
  const client = createRpc(
    { regions: [regionId], endpoints, connectTimeoutMs: 1_000, readTimeoutMs },
    credentials,
  );
  const { rpc } = client;
  const account = createAccount({ rpc, credentials, pace, signal }, { ttlMs: 600_000, budgetMs: 5_000 });
  const operation = createDeleteEnhancedVpnGateway(
    { rpc, account, accountId: key.accountId, pace, signal },
    { factsBudgetMs: 5_000, callBudgetMs: 20_000, lookBudgetMs: 3_000 },
  );
  const remove = (resourceId: string) =>
    operation.call({ regionId, resourceId }, newClientToken(), permitted);
  return {
    emulator,
    operation,
    remove,
    pace,
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      await emulator[Symbol.asyncDispose]();
    },
  };
}

test('a gateway is deleted once, looks as if it were going, and then is gone', async () => {
  await using at = await start();
  const target = { regionId, resourceId: 'vpn-demodeletable1' };
  const facts = (await at.operation.readFacts(target)) as EnhancedVpnGatewayFacts;
  assert.equal(facts.gateway.accountId, key.accountId);
  assert.equal(facts.gateway.gatewayType, 'Enhanced.SiteToSite');
  assert.deepEqual(facts.connections, { total: 0, items: [] });
  assert.equal(await at.operation.look(target), 'present');

  const outcome = await at.remove(target.resourceId);
  assert.equal(outcome.kind, 'accepted');
  const [effect, ...more] = at.emulator.journal.effects();
  assert.deepEqual([effect?.effect, effect?.requestId, more.length], ['deleted', outcome.requestId, 0]);
  assert.equal(await at.operation.look(target), 'deleting');
  await at.pace.sleep(emulatorDefaults.timings.deletingMs, new AbortController().signal);
  assert.equal(await at.operation.look(target), 'gone');
});

test('connections are told apart, and their keys are not told', async () => {
  await using at = await start();
  const facts = await at.operation.readFacts({ regionId, resourceId: 'vpn-democonnected1' });
  assert.deepEqual((facts as EnhancedVpnGatewayFacts).connections, {
    total: 2,
    items: [
      { vpnConnectionId: 'vco-demo1', name: 'office', state: 'active', status: 'ipsec_sa_established' },
      { vpnConnectionId: 'vco-demo2', name: 'warehouse', state: 'active', status: 'ipsec_sa_established' },
    ],
  });
  assert.doesNotMatch(JSON.stringify(facts), /psk|auth_?key|secret/i);
});

const refusals: [gateway: string, code: string][] = [
  ['vpn-demonowhere1', 'GATEWAY_NOT_FOUND'],
  ['vpn-democonnected1', 'GATEWAY_HAS_CONNECTIONS'],
  ['vpn-demoprepaid1', 'GATEWAY_PREPAID_IN_TERM'],
  ['vpn-democonfiguring1', 'GATEWAY_CONFIGURING'],
];
for (const [gateway, code] of refusals) {
  test(`the deletion of ${gateway} fails with ${code} and has no effect`, async () => {
    await using at = await start();
    const outcome = await at.remove(gateway);
    assert.ok(outcome.kind === 'failed', JSON.stringify(outcome));
    assert.equal(outcome.problem.code, code);
    assert.deepEqual(at.emulator.journal.effects(), []);
  });
}

test('a wrong secret: the identity is refused, and no message quotes what was signed', async () => {
  await using at = await start({ secret: 'another-secret' });
  const outcome = await at.remove('vpn-demodeletable1');
  assert.ok(outcome.kind === 'failed');
  assert.equal(outcome.problem.code, 'UPSTREAM_IDENTITY_REFUSED');
  const said = `${outcome.problem.detail} ${String(outcome.problem.options.cause)}`;
  assert.doesNotMatch(said, /another-secret|LTAI|x-acs|ACS3/);
  await assert.rejects(
    at.operation.readFacts({ regionId, resourceId: 'vpn-demodeletable1' }),
    (error) => error instanceof Problem && error.code === 'UPSTREAM_IDENTITY_REFUSED',
  );
});

test('an answer lost after the effect: the same token finds it accepted, and nothing is deleted twice', async () => {
  await using at = await start();
  at.emulator.faults.add({ kind: 'reset', action: del, when: 'after' });
  const outcome = await at.remove('vpn-demodeletable1');
  assert.deepEqual([outcome.kind, outcome.attempts], ['accepted', 2]);
  assert.deepEqual(
    at.emulator.journal.entries().flatMap(({ action, effect }) => (action === del ? [effect] : [])),
    ['deleted', 'replayed'],
  );
});

test('an answer lost after the effect, and then only refusals: a look finds the gateway gone', async () => {
  await using at = await start();
  const configuring = { status: 400, code: 'VpnGateway.Configuring', count: 100 };
  at.emulator.faults.add({ kind: 'reset', action: del, when: 'after' });
  at.emulator.faults.add({ kind: 'error', action: del, ...configuring });
  const outcome = await at.remove('vpn-demodeletable1');
  assert.equal(outcome.kind, 'gone');
  assert.equal(at.emulator.journal.effects().length, 1);
});

test('an answer lost after the effect, and no look possible: the outcome is unknown', async () => {
  await using at = await start();
  at.emulator.faults.add({ kind: 'reset', action: del, when: 'after' });
  at.emulator.faults.add({ kind: 'error', action: del, status: 403, code: 'Forbidden' });
  at.emulator.faults.add({ kind: 'reset', action: 'DescribeVpnGateway', when: 'before', count: 100 });
  const outcome = await at.remove('vpn-demodeletable1');
  assert.equal(outcome.kind, 'unknown');
  assert.equal(at.emulator.journal.effects().length, 1);
});

const when = fc.constantFrom('before' as const, 'after' as const);
const count = fc.integer({ min: 1, max: 3 });
const action = fc.constantFrom(del, del, del, del, del, 'DescribeVpnGateway', 'GetCallerIdentity');
const error = (status: number, code: string, retryAfterMs: number | null = null) => ({
  status,
  code,
  retryAfterMs,
});
/** What the cloud says only when it did nothing, so that saying it after the effect would be a lie of the cloud. */
const proofs = [
  error(400, 'VpnGateway.Configuring'),
  error(400, 'TaskConflict'),
  error(429, 'Throttling.User', 900),
  error(400, 'Throttling', 60_000),
  error(403, 'Forbidden'),
  error(400, 'SignatureDoesNotMatch'),
];
const doubts = [
  error(400, 'InternalError'),
  error(500, 'InternalError'),
  error(503, 'ServiceUnavailable'),
  error(400, 'SignatureNonceUsed'),
  error(404, 'Gremlins'),
  error(500, 'Forbidden'),
];
const doubt: fc.Arbitrary<FaultInput> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('reset' as const), action, count, when }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('hang' as const), action, count: fc.constant(1), when }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('answer' as const),
      action,
      count,
      when,
      answer: fc.constantFrom('empty', 'html', 'cut-off', 'redirect', 'no-request-id', 'wrong-json', 'array'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc
      .record({ kind: fc.constant('error' as const), action, count, when, said: fc.constantFrom(...doubts) })
      .map(({ said, ...rest }) => ({ ...rest, ...said })),
  },
);
const proof: fc.Arbitrary<FaultInput> = fc
  .record({ kind: fc.constant('error' as const), action, count, said: fc.constantFrom(...proofs) })
  .map(({ said, ...rest }) => ({ ...rest, ...said, when: 'before' as const }));

test('whatever goes wrong on the way: deleted at most once, and nothing is said that is not so', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(doubt, proof), { minLength: 1, maxLength: 5 }), async (faults) => {
      // Short, because a scripted silence lasts as long; a true answer that comes later still is a fault like any other.
      await using at = await start({ readTimeoutMs: 150 });
      for (const one of faults) at.emulator.faults.add(one);
      const outcome = await at.remove('vpn-demodeletable1');
      const effects = at.emulator.journal.effects();
      const calls = at.emulator.journal.entries().filter((entry) => entry.action === del);
      assert.ok(effects.length <= 1, 'deleted twice');
      assert.ok(new Set(calls.map((entry) => entry.clientToken)).size <= 1, 'one ClientToken');
      assert.equal(calls.length, outcome.attempts);
      if (outcome.kind === 'accepted' || outcome.kind === 'gone')
        assert.equal(effects.length, 1, outcome.kind);
      if (outcome.kind === 'failed') assert.equal(effects.length, 0, 'failed, though it took effect');
    }),
    { numRuns: 60, seed: 20_260_429 },
  );
});
