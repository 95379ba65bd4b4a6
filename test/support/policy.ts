import { readFile } from 'node:fs/promises';
import { packMembers, unpack } from '../../src/policy/authoring/archive.ts';
import type { AdmissionInput, BudgetUsage, DecisionInput } from '../../src/policy/input.ts';

/** The bytes of a bundle built from test/fixtures/policy/<name>.rego. */
export function fixtureBundle(name: string): Promise<Buffer> {
  return readFile(new URL(`../fixtures/policy/${name}.tar.gz`, import.meta.url));
}

/** A bundle with some members replaced, added or (null) left out. Names have a leading slash, as OPA writes them. */
export async function changeBundle(
  archive: Buffer,
  changes: Readonly<Record<string, string | Buffer | null>>,
): Promise<Buffer> {
  const members = new Map(await unpack(archive));
  for (const [name, content] of Object.entries(changes)) {
    if (content === null) members.delete(name);
    else members.set(name, Buffer.from(content));
  }
  return packMembers(members);
}

/** An admission input that the schema takes; the fixture `traps` does as its reason says. */
export function admissionAsking(reason: string | null, ticket: string | null = null): AdmissionInput {
  return {
    subject: {
      type: 'service',
      id: 'svc-cleanup',
      properties: {
        issuer: 'https://issuer.example',
        tenant: null,
        roles: ['vpn-admin'],
        teams: ['network'],
      },
    },
    action: { name: 'DeleteEnhancedVpnGateway' },
    resource: {
      type: 'EnhancedVpnGateway',
      id: 'vpn-lab1',
      properties: { regionId: 'cn-hangzhou', accountId: '1234567890123456' },
    },
    context: { requestId: 'req-1', reason, ticket },
  };
}

const none = { hour: 0, day: 0 };
/** No deletion has been begun yet. */
export const unused: BudgetUsage = { principal: none, tenant: none, region: none, all: none };

/** A decision input that the committed policy allows, with some facts of the gateway changed. */
export function decisionOn(gateway: Readonly<Record<string, unknown>> = {}): DecisionInput {
  const admission = admissionAsking('no longer used', null);
  const facts = {
    gateway: {
      vpnGatewayId: 'vpn-lab1',
      regionId: 'cn-hangzhou',
      accountId: '1234567890123456',
      name: 'lab',
      gatewayType: 'Enhanced.SiteToSite',
      chargeType: 'POSTPAY',
      status: 'active',
      businessStatus: 'Normal',
      createTimeMs: 1_750_000_000_000,
      endTimeMs: null,
      resourceGroupId: 'rg-1',
      vpcId: 'vpc-1',
      tags: [{ key: 'team', value: 'network' }],
      ...gateway,
    },
    connections: { total: 0, items: [] },
  };
  return {
    ...admission,
    context: { ...admission.context, timeMs: 1_764_000_000_000, facts, budgets: unused },
  };
}
