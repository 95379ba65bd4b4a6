import { defaultBundleFile } from '../src/package-files.ts';
import { decisionInput } from '../src/policy/input.ts';
import { loadPolicy } from '../src/policy/runtime.ts';
import { type Latencies, latencies } from './load.ts';

const timeMs = Date.now();

/** What a decision on a deletable gateway is made on; also put to OPA. */
export const sampleInput = decisionInput(
  {
    issuer: 'urn:portcullis:demo-issuer',
    subject: 'bench',
    tenant: null,
    roles: ['vpn-operator'],
    teams: ['network-lab'],
    tokenHash: '0'.repeat(64),
  },
  {
    action: 'DeleteEnhancedVpnGateway',
    resourceType: 'enhanced-vpn-gateway',
    resourceId: 'vpn-bench0',
    regionId: 'cn-hangzhou',
    accountId: '1234567890123456',
    reason: null,
    ticket: null,
    requestId: 'bench',
  },
  {
    gateway: {
      vpnGatewayId: 'vpn-bench0',
      regionId: 'cn-hangzhou',
      accountId: '1234567890123456',
      name: 'lab-1',
      gatewayType: 'Enhanced.SiteToSite',
      chargeType: 'PostPay',
      status: 'active',
      businessStatus: 'Normal',
      createTimeMs: timeMs - 1_000_000,
      endTimeMs: 4_092_652_800_000,
      resourceGroupId: 'rg-1',
      vpcId: 'vpc-1',
      tags: [
        { key: 'team', value: 'network-lab' },
        { key: 'env', value: 'lab' },
      ],
    },
    connections: { total: 0, items: [] },
  },
  {
    principal: { hour: 0, day: 0 },
    tenant: { hour: 0, day: 0 },
    region: { hour: 0, day: 0 },
    all: { hour: 0, day: 0 },
  },
  timeMs,
);

/** One decision of the live policy in process, the check of the input's form and of the result included. Milliseconds. */
export async function policyEvaluation(count: number): Promise<Latencies> {
  const policy = await loadPolicy(defaultBundleFile);
  const samples: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const startedAt = performance.now();
    if (!policy.decision(sampleInput).allow) throw new Error('The sample is not allowed.');
    const ms = performance.now() - startedAt;
    if (index >= count / 10) samples.push(ms);
  }
  return latencies(samples);
}
