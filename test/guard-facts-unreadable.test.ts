import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Connection } from '../src/emulator/cloud.ts';
import type { FaultInput } from '../src/emulator/faults.ts';
import { startTestGateway, type TestGateway } from './support/gateway.ts';
import { calls, deletion, deletions, recordsOf } from './support/observe.ts';

const gateway = 'vpn-demodeletable1';
const reads = ['DescribeVpnGateway', 'DescribeVpnConnections', 'GetCallerIdentity'] as const;

type Fault = { name: string; lasting: (action: string) => FaultInput; status: number; code: string };

const count = 1_000;
const unreadable = { status: 502, code: 'UPSTREAM_UNINTELLIGIBLE' };
/** What is tried again until there is no time left. */
const slow: readonly Fault[] = [
  {
    name: 'reset',
    lasting: (action) => ({ kind: 'reset', action, when: 'before', count }),
    status: 504,
    code: 'UPSTREAM_TIMEOUT',
  },
  {
    name: 'hang',
    lasting: (action) => ({ kind: 'hang', action, when: 'before', count }),
    status: 504,
    code: 'UPSTREAM_TIMEOUT',
  },
  ...(['empty', 'html', 'cut-off', 'redirect', 'no-request-id', 'wrong-json', 'array'] as const).map(
    (answer): Fault => ({
      name: answer,
      lasting: (action) => ({ kind: 'answer', action, answer, when: 'before', count }),
      ...(answer === 'cut-off' ? { status: 504, code: 'UPSTREAM_TIMEOUT' } : unreadable),
    }),
  ),
  {
    name: 'InternalError',
    lasting: (action) => ({ kind: 'error', action, status: 500, code: 'InternalError', count }),
    status: 502,
    code: 'UPSTREAM_ERROR',
  },
];
/** What repeating cannot help. */
const atOnce: readonly Fault[] = [
  {
    name: 'Forbidden.RAM',
    lasting: (action) => ({ kind: 'error', action, status: 403, code: 'Forbidden.RAM', count }),
    status: 502,
    code: 'UPSTREAM_FORBIDDEN',
  },
  {
    name: 'InvalidSecurityToken.Expired',
    lasting: (action) => ({
      kind: 'error',
      action,
      status: 403,
      code: 'InvalidSecurityToken.Expired',
      count,
    }),
    status: 502,
    code: 'UPSTREAM_IDENTITY_REFUSED',
  },
  {
    name: 'a code that nobody documents',
    lasting: (action) => ({ kind: 'error', action, status: 404, code: 'Gremlins', count }),
    status: 502,
    code: 'UPSTREAM_ERROR',
  },
  {
    name: 'throttled for longer than there is time',
    lasting: (action) => ({
      kind: 'error',
      action,
      status: 429,
      code: 'Throttling',
      retryAfterMs: 60_000,
      count,
    }),
    status: 502,
    code: 'UPSTREAM_THROTTLED',
  },
];

void describe('facts that cannot be read', { concurrency: 12 }, () => {
  for (const action of reads) {
    // One kind of lost answer does for the reads that go the same way.
    const faults = action === 'DescribeVpnGateway' ? slow : slow.filter(({ name }) => name === 'reset');
    for (const { name, lasting, status, code } of [...faults, ...atOnce]) {
      test(`${action}: ${name} → ${status} ${code}, and nothing is sent`, async () => {
        await using portcullis = await start(action);
        const { cloud } = portcullis;
        // Two silences use up most of the time, so that few attempts follow: many would open the circuit.
        if (slow.some((one) => one.name === name)) {
          cloud.faults.add({ kind: 'hang', action, when: 'before', count: 2 });
        }
        cloud.faults.add(lasting(action));
        const answer = await portcullis.remove(gateway);
        assert.deepEqual([answer.status, answer.body.code], [status, code], answer.text);
        assert.equal(answer.body.upstream.action, action);
        assert.equal(answer.body.upstream.service, action === 'GetCallerIdentity' ? 'Sts' : 'Vpc');
        assert.ok(answer.body.detail.includes('Nothing was deleted.'));
        assert.equal(answer.body.operationId, undefined);
        assert.deepEqual(deletions(cloud), []);
        const [record, ...more] = await recordsOf(portcullis, answer);
        assert.deepEqual(
          [record?.kind, record?.stage, record?.result, record?.code],
          ['decision', 'facts', 'error', code],
        );
        assert.deepEqual(record?.upstream, answer.body.upstream);
        assert.deepEqual(more, []);

        cloud.faults.clear();
        const again = await portcullis.remove(gateway);
        assert.deepEqual([again.status, again.body.state], [200, 'accepted'], 'nothing was left behind');
      });
    }

    test(`${action}: what passes is read again, and the deletion takes place`, async () => {
      await using portcullis = await start();
      portcullis.cloud.faults.add({ kind: 'reset', action, when: 'before', count: 2 });
      const answer = await portcullis.remove(gateway);
      assert.deepEqual([answer.status, answer.body.state], [200, 'accepted'], answer.text);
      assert.equal(calls(portcullis.cloud, action), 3);
    });
  }

  test('that the gateway is missing is not believed of the list of its connections', async () => {
    await using portcullis = await start();
    const notFound = { status: 404, code: 'InvalidVpnGatewayInstanceId.NotFound', count };
    portcullis.cloud.faults.add({ kind: 'error', action: 'DescribeVpnConnections', ...notFound });
    const answer = await portcullis.remove(gateway);
    assert.deepEqual([answer.status, answer.body.code], [502, 'UPSTREAM_ERROR'], answer.text);
    assert.deepEqual(deletions(portcullis.cloud), []);
  });
});

void describe('facts that are not whole', () => {
  test('more connections than are listed', async () => {
    await using portcullis = await start();
    connect(portcullis, 1_050);
    assert.deepEqual(await refusedFor(portcullis), ['CONNECTIONS_PRESENT', 'CONNECTIONS_NOT_ALL_LISTED']);
  });

  test('connections over several pages are all seen', async () => {
    await using portcullis = await start();
    connect(portcullis, 120);
    assert.deepEqual(await refusedFor(portcullis), ['CONNECTIONS_PRESENT']);
    assert.equal(calls(portcullis.cloud, 'DescribeVpnConnections'), 3);
  });

  for (const [what, changes, violations] of [
    ['no charge type', { chargeType: '' }, ['CHARGE_TYPE_UNKNOWN', 'FACT_MISSING']],
    ['an unknown charge type', { chargeType: 'Barter' }, ['CHARGE_TYPE_UNKNOWN']],
    ['no business status', { businessStatus: '' }, ['BUSINESS_STATUS_UNKNOWN', 'FACT_MISSING']],
    ['a business status in other letters', { businessStatus: 'normal' }, null],
  ] as const) {
    test(what, async () => {
      await using portcullis = await start();
      const standing = portcullis.cloud.cloud.gateway('cn-hangzhou', gateway);
      assert.ok(standing !== null);
      portcullis.cloud.cloud.change(standing, changes);
      const codes = await refusedFor(portcullis);
      if (violations !== null) assert.deepEqual([...new Set(codes)].sort(), violations);
    });
  }
});

/** Asks for the deletion, asserts that policy refuses it, and returns the codes. */
async function refusedFor(portcullis: TestGateway): Promise<string[]> {
  const answer = await portcullis.remove(gateway);
  assert.deepEqual([answer.status, answer.body.code], [403, 'POLICY_DENIED'], answer.text);
  assert.equal(calls(portcullis.cloud, deletion), 0);
  return answer.body.violations.map(({ code }: { code: string }) => code);
}

function connect({ cloud }: TestGateway, number: number): void {
  const standing = cloud.cloud.gateway('cn-hangzhou', gateway);
  assert.ok(standing !== null);
  const connections = Array.from(
    { length: number },
    (_, index): Connection => ({
      vpnConnectionId: `vco-${index}`,
      name: `c${index}`,
      status: 'ipsec_sa_established',
      state: 'active',
      customerGatewayId: 'cgw-1',
    }),
  );
  cloud.cloud.change(standing, { connections });
}

function start(action: (typeof reads)[number] = 'DescribeVpnGateway') {
  return startTestGateway({ cloud: { readTimeoutMs: action === 'GetCallerIdentity' ? 4_000 : 5_000 } });
}
