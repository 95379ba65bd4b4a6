import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { demoSeed } from '../src/emulator/demo-seed.ts';
import { type Caller, operator, startTestGateway, type TestGateway } from './support/gateway.ts';
import { calls, deletions, recordsOf } from './support/observe.ts';

let portcullis: TestGateway;
before(async () => {
  portcullis = await startTestGateway();
});
after(() => portcullis[Symbol.asyncDispose]());

type Expected = {
  gateway: string;
  region?: string;
  query?: string;
  status: number;
  /** The problem code; null: deleted. */
  code: string | null;
  violations?: readonly string[];
  /** The stage that refuses; `admission` must leave the cloud unasked. */
  stage?: 'admission' | 'facts' | 'decision';
};

const denied = { status: 403, code: 'POLICY_DENIED' } as const;
const deleted = { status: 200, code: null } as const;

const table: readonly Expected[] = [
  { gateway: 'vpn-demodeletable1', ...deleted },
  { gateway: 'vpn-demodeletable2', query: '?reason=lab+is+over&ticket=OPS-1', ...deleted },
  { gateway: 'vpn-demoexpired1', ...deleted },
  { gateway: 'vpn-demosingapore1', region: 'ap-southeast-1', ...deleted },
  { gateway: 'vpn-demoprotected1', ...denied, violations: ['PROTECTED_BY_ID'], stage: 'admission' },
  {
    gateway: 'vpn-demoprod1',
    ...denied,
    violations: ['PROTECTED_BY_NAME', 'PROTECTED_BY_TAG', 'REASON_REQUIRED'],
    stage: 'decision',
  },
  {
    gateway: 'vpn-demoprod1',
    query: '?reason=moved+to+another+region',
    ...denied,
    violations: ['PROTECTED_BY_NAME', 'PROTECTED_BY_TAG'],
    stage: 'decision',
  },
  { gateway: 'vpn-demoprepaid1', ...denied, violations: ['PREPAID_WITHIN_TERM'], stage: 'decision' },
  { gateway: 'vpn-democonnected1', ...denied, violations: ['CONNECTIONS_PRESENT'], stage: 'decision' },
  { gateway: 'vpn-democonfiguring1', ...denied, violations: ['GATEWAY_UPDATING'], stage: 'decision' },
  { gateway: 'vpn-demodeleting1', ...denied, violations: ['GATEWAY_DELETING'], stage: 'decision' },
  { gateway: 'vpn-demolocked1', ...denied, violations: ['BUSINESS_FINANCIALLY_LOCKED'], stage: 'decision' },
  {
    gateway: 'vpn-demotraditional1',
    ...denied,
    violations: ['GATEWAY_TYPE_NOT_ENHANCED'],
    stage: 'decision',
  },
  { gateway: 'vpn-demoforeign1', ...denied, violations: ['CALLER_NOT_OWNER'], stage: 'decision' },
  {
    gateway: 'vpn-demofrankfurt1',
    region: 'eu-central-1',
    ...denied,
    violations: ['REASON_REQUIRED'],
    stage: 'admission',
  },
  {
    gateway: 'vpn-demofrankfurt1',
    region: 'eu-central-1',
    query: '?reason=no+longer+used',
    ...deleted,
  },
  // A gateway of one region is none in another.
  {
    gateway: 'vpn-demosingapore1',
    region: 'cn-hangzhou',
    status: 404,
    code: 'GATEWAY_NOT_FOUND',
    stage: 'facts',
  },
  { gateway: 'vpn-demonowhere1', status: 404, code: 'GATEWAY_NOT_FOUND', stage: 'facts' },
  {
    gateway: 'vpn-demodeletable1',
    region: 'us-west-1',
    ...denied,
    violations: ['REGION_NOT_ALLOWED'],
    stage: 'admission',
  },
];

test('the table names every gateway of the demo', () => {
  const named = new Set(table.map(({ gateway }) => gateway));
  for (const { vpnGatewayId } of demoSeed(Date.now).gateways) assert.ok(named.has(vpnGatewayId));
});

for (const expected of table) {
  const { gateway, region = 'cn-hangzhou', query = '', status, code, stage } = expected;
  const outcome = code === null ? 'is deleted' : (expected.violations?.join(', ') ?? code);
  // First without and then with effect: whatever refuses the call must refuse the question as well.
  for (const validateOnly of [true, false]) {
    const name = `${gateway} in ${region}${query}${validateOnly ? ', validateOnly' : ''}: ${outcome}`;
    test(name, async () => {
      portcullis.cloud.journal.clear();
      const asking = validateOnly ? `${query === '' ? '?' : `${query}&`}validateOnly=true` : query;
      const answer = await portcullis.remove(gateway, { region, query: asking });
      const { journal } = portcullis.cloud;
      // Before the log is read: nothing else has been going on.
      const asked = journal.entries().map(({ action }) => action);
      const sent = deletions(portcullis.cloud);

      assert.equal(answer.status, status, answer.text);
      const records = await recordsOf(portcullis, answer);
      const [decision, outcomeRecord, ...more] = records;
      assert.ok(decision !== undefined && more.length === 0);
      assert.equal(decision.request?.resourceId, gateway);
      assert.equal(decision.request?.regionId, region);
      assert.equal(decision.request?.validateOnly, validateOnly);

      if (code === null) {
        assert.equal(decision.result, 'allowed');
        assert.deepEqual(decision.violations, []);
        if (validateOnly) {
          assert.equal(answer.body.validateOnly, true);
          assert.deepEqual(sent, []);
          assert.equal(outcomeRecord, undefined);
          assert.equal(decision.operationId, null);
          assert.equal(answer.headers.location, undefined, 'there is no operation');
        } else {
          assert.equal(answer.body.state, 'accepted');
          assert.deepEqual(
            sent.map(({ effect, clientToken, regionId, resourceId }) => [
              effect,
              clientToken,
              regionId,
              resourceId,
            ]),
            [['deleted', answer.body.clientToken, region, gateway]],
          );
          assert.equal(outcomeRecord?.result, 'accepted');
        }
        return;
      }
      assert.equal(answer.body.code, code);
      assert.deepEqual(codesOf(answer.body.violations ?? []), expected.violations ?? []);
      assert.deepEqual(sent, [], 'nothing is sent for a refusal');
      assert.equal(answer.body.operationId, undefined);
      assert.equal(outcomeRecord, undefined);
      assert.deepEqual([decision.result, decision.stage, decision.code], ['refused', stage, code]);
      assert.deepEqual(codesOf(decision.violations), expected.violations ?? []);
      assert.equal(decision.detail, answer.body.detail);
      assert.equal(decision.decisionId, answer.body.decisionId);
      if (stage === 'admission') assert.deepEqual(asked, [], 'the cloud is not asked anything at all');
      else assert.ok(asked.includes('DescribeVpnGateway'));
    });
  }
}

const strangers: readonly [string, Caller, string, string][] = [
  ['without a role', { roles: [] }, 'vpn-demoprotected1', 'CALLER_NOT_PERMITTED'],
  ['with a role that deletes nothing', { roles: ['auditor'] }, 'vpn-demoprotected1', 'CALLER_NOT_PERMITTED'],
  ['with a role in another case', { roles: ['VPN-Operator'] }, 'vpn-demoprotected1', 'CALLER_NOT_PERMITTED'],
  // The issuer of the demo may not grant it, whatever its tokens say.
  [
    'with a role that its issuer may not grant',
    { roles: ['vpn-admin'] },
    'vpn-demoprotected1',
    'CALLER_NOT_PERMITTED',
  ],
  ['of another team', { teams: ['payments'] }, 'vpn-demoprod1', 'CALLER_NOT_OWNER'],
  ['of no team', { teams: [] }, 'vpn-demoprod1', 'CALLER_NOT_OWNER'],
];
for (const [who, changes, gateway, code] of strangers) {
  test(`a caller ${who} is shown ${code} alone, and the audit log has every reason`, async () => {
    portcullis.cloud.journal.clear();
    const answer = await portcullis.remove(gateway, { caller: { ...operator, ...changes } });
    assert.equal(answer.status, 403);
    assert.deepEqual(codesOf(answer.body.violations), [code]);
    const text = answer.text.replaceAll(gateway, '');
    for (const hidden of ['PROTECTED', 'protected', 'REASON', 'prod-', 'exclusive']) {
      assert.ok(!text.includes(hidden), `the answer tells ${hidden}`);
    }
    assert.deepEqual(deletions(portcullis.cloud), []);
    if (code === 'CALLER_NOT_PERMITTED') assert.equal(portcullis.cloud.journal.entries().length, 0);

    const [record] = await recordsOf(portcullis, answer);
    const recorded = codesOf(record?.violations ?? []);
    assert.ok(recorded.includes(code) && recorded.length > 1, recorded.join());
    assert.ok(recorded.some((one) => one.startsWith('PROTECTED_')));
    const exclusive = record?.violations.filter((violation) => violation.exclusive) ?? [];
    assert.deepEqual(codesOf(exclusive), [code]);
  });
}

test('whoever does not pass admission cannot tell a gateway that stands from one that does not', async () => {
  portcullis.cloud.journal.clear();
  const caller = { ...operator, roles: [] };
  const answers = [];
  for (const gateway of ['vpn-demolocked1', 'vpn-demonowhere2']) {
    const { status, body } = await portcullis.remove(gateway, { caller });
    const same = { ...body, requestId: null, instance: null, decisionId: null };
    answers.push(JSON.stringify({ status, same }).replaceAll(gateway, '<gateway>'));
  }
  assert.equal(answers[0], answers[1]);
  assert.equal(calls(portcullis.cloud, 'DescribeVpnGateway'), 0);
});

function codesOf(violations: readonly { code: string }[]): string[] {
  return violations.map(({ code }) => code);
}
