import fc, { type Arbitrary } from 'fast-check';

type Generated = { entrypoint: 'admission' | 'decision'; input: unknown };

const timeMs = 1_795_000_000_000;

/** Text as attackers and foreign alphabets write it; no lone surrogates, which never get as far as policy. */
const oddText = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    'PREPAİD',
    'ＰＲＥＰＡＹ',
    'active\u0000',
    'prod-',
    'PROD-1',
    'true ',
    '*',
    '\\A',
    '{{',
    '%s',
    '0',
    'null',
    '\u202Eevitca',
  ),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
);

/** Mostly one of the telling values, sometimes odd text, sometimes nothing. */
function mostly(...telling: readonly string[]): Arbitrary<string | null> {
  return fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...telling) },
    { weight: 1, arbitrary: oddText },
    { weight: 1, arbitrary: fc.constant(null) },
  );
}

function never<T>(usual: Arbitrary<T>, odd: Arbitrary<unknown>): Arbitrary<unknown> {
  return fc.oneof({ weight: 40, arbitrary: usual }, { weight: 1, arbitrary: odd });
}

const integers = fc.oneof(
  fc.constantFrom(0, 1, -1, timeMs - 1, timeMs, timeMs + 1, 2 ** 53 - 1, 4_092_652_800_000),
  fc.integer({ min: 0, max: 2 ** 47 }),
);
const malformed = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  integers,
  oddText,
  fc.constant([]),
  fc.constant({}),
  fc.constant([[]]),
);

const texts = fc.array(
  fc.constantFrom('vpn-operator', 'vpn-admin', 'network-lab', 'payments', 'VPN-OPERATOR', ''),
  { maxLength: 3 },
);

const subject = fc.record({
  type: fc.constant('service'),
  id: fc.constantFrom('ci-cleanup', 'x'),
  properties: fc.record({
    issuer: fc.constantFrom('urn:portcullis:demo-issuer', 'https://other.example'),
    tenant: fc.constantFrom(null, 'network', 'other'),
    roles: never(
      fc.oneof(
        { weight: 4, arbitrary: fc.constantFrom(['vpn-operator'], ['vpn-admin']) },
        { weight: 1, arbitrary: texts },
      ),
      malformed,
    ),
    teams: never(
      fc.oneof({ weight: 4, arbitrary: fc.constant(['network-lab']) }, { weight: 1, arbitrary: texts }),
      malformed,
    ),
  }),
});

const gatewayIds = [
  'vpn-demodeletable1',
  'vpn-demodeletable1',
  'vpn-demodeletable1',
  'vpn-demoprotected1',
  'vpn-other',
];
const regions = ['cn-hangzhou', 'cn-hangzhou', 'ap-southeast-1', 'eu-central-1', 'us-west-1'];
const accounts = ['1234567890123456', '1234567890123456', '1234567890123456', '9007199254740993'];

const tag = fc.record({
  key: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('team', 'env', 'protected', 'Team') },
    { weight: 1, arbitrary: oddText },
  ),
  value: fc.oneof(
    {
      weight: 6,
      arbitrary: fc.constantFrom('network-lab', 'network-lab', 'payments', 'lab', 'prod', 'true', 'TRUE'),
    },
    { weight: 1, arbitrary: oddText },
  ),
});
const owned = { key: 'team', value: 'network-lab' };
const tags = fc.oneof(
  { weight: 6, arbitrary: fc.constant([owned]) },
  { weight: 4, arbitrary: fc.array(tag, { maxLength: 3 }).map((more) => [owned, ...more]) },
  { weight: 2, arbitrary: fc.array(tag, { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.constant(null) },
);

const connection = fc.record({
  vpnConnectionId: mostly('vco-1', 'vco-2'),
  name: mostly('office', 'warehouse'),
  state: mostly('active'),
  status: mostly('ipsec_sa_established'),
});
const connections = fc.oneof(
  { weight: 8, arbitrary: fc.constant({ total: 0, items: [] }) },
  {
    weight: 1,
    arbitrary: fc.array(connection, { maxLength: 4 }).map((items) => ({ total: items.length, items })),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      total: fc.oneof(fc.constant(null), fc.integer({ min: 0, max: 5 })),
      items: fc.array(connection, { maxLength: 4 }),
    }),
  },
);

/** What is asked for; the facts below mostly describe the very same gateway. */
const asked = fc.record({
  id: fc.constantFrom(...gatewayIds),
  regionId: fc.constantFrom(...regions),
  accountId: fc.constantFrom(...accounts),
});

const reason = fc.oneof(
  fc.constantFrom(null, 'short', 'the laboratory is over', '          ', '0123456789'),
  oddText,
);

function gateway({ id, regionId, accountId }: { id: string; regionId: string; accountId: string }) {
  const same = <T>(value: T, ...others: T[]) =>
    fc.oneof(
      { weight: 25, arbitrary: fc.constant(value) },
      { weight: 1, arbitrary: fc.constantFrom(...others) },
    );
  return fc.record({
    vpnGatewayId: same<string | null>(id, 'vpn-another', null),
    regionId: same(regionId, 'cn-beijing'),
    accountId: same<string | null>(accountId, '9007199254740992', null),
    name: mostly('lab-1', 'lab-1', 'lab-1', 'prod-hangzhou', 'PROD-x', ''),
    gatewayType: mostly('Enhanced.SiteToSite', 'Enhanced.SiteToSite', 'Enhanced.SiteToSite', 'Traditional'),
    chargeType: mostly(
      'PostPay',
      'POSTPAY',
      'postpaid',
      'PostPaid',
      'Prepay',
      'PrePaid',
      'PREPAY',
      'PayAsYouGo',
    ),
    status: mostly(...Array<string>(8).fill('active'), 'init', 'provisioning', 'updating', 'deleting'),
    businessStatus: mostly(...Array<string>(6).fill('Normal'), 'FinancialLocked'),
    createTimeMs: fc.oneof(
      { weight: 20, arbitrary: fc.constant(timeMs - 1_000) },
      { weight: 1, arbitrary: fc.constant(null) },
    ),
    endTimeMs: fc.oneof({ weight: 10, arbitrary: integers }, { weight: 1, arbitrary: fc.constant(null) }),
    resourceGroupId: mostly('rg-demo'),
    vpcId: mostly('vpc-1'),
    tags,
  });
}

const count = fc.oneof(
  { weight: 60, arbitrary: fc.integer({ min: 0, max: 500 }) },
  { weight: 1, arbitrary: fc.constantFrom(-1, 0.5, null, '0') },
);
const begun = fc.record({ hour: count, day: count });
const budgets = fc.record({ principal: begun, tenant: begun, region: begun, all: begun });

/**
 * Questions to both engines: mostly such as the gateway itself asks, with their edges; a few with a part of another
 * type or missing, which the form check would stop before, so that policy is seen to refuse them on its own.
 */
export const generatedQuestions: Arbitrary<Generated> = asked.chain((target) => {
  const common = {
    subject: never(subject, malformed),
    action: never(
      fc.record({
        name: never(fc.constant('DeleteEnhancedVpnGateway'), fc.constantFrom('DeleteVpc', null, 1)),
      }),
      malformed,
    ),
    resource: never(
      fc.constant({
        type: 'enhanced-vpn-gateway',
        id: target.id,
        properties: { regionId: target.regionId, accountId: target.accountId },
      }),
      malformed,
    ),
  };
  const context = {
    requestId: fc.constant('req-1'),
    reason: never(reason, malformed),
    ticket: fc.constantFrom(null, 'T-1'),
  };
  const admission = fc.record({
    entrypoint: fc.constant('admission' as const),
    input: fc.record({ ...common, context: never(fc.record(context), malformed) }),
  });
  const facts = fc.record({
    gateway: never(gateway(target), malformed),
    connections: never(connections, malformed),
  });
  const decision = fc.record({
    entrypoint: fc.constant('decision' as const),
    input: fc.record({
      ...common,
      context: never(
        fc.record({
          ...context,
          timeMs: never(fc.constant(timeMs), malformed),
          facts: never(facts, malformed),
          budgets: never(budgets, malformed),
        }),
        malformed,
      ),
    }),
  });
  return fc.oneof({ weight: 1, arbitrary: admission }, { weight: 4, arbitrary: decision });
});
