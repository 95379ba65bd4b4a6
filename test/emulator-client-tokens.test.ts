import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Emulator } from '../src/emulator/server.ts';
import { emulatorDefaults } from '../src/emulator/server.ts';
import type { AccessKey } from '../src/emulator/signature.ts';
import {
  emulatorWith,
  foreignKey,
  frozenClock,
  gateway,
  key,
  region,
  secondKey,
} from './support/emulator.ts';
import { send, signing, signV2, signV3 } from './support/rpc-wire.ts';

const deletion = 'DeleteEnhancedVpnGateway';
const creation = 'CreateEnhancedVpnGateway';
const network = { RegionId: region, VpcId: 'vpc-1', VSwitchId: 'vsw-1', DisasterRecoveryVSwitchId: 'vsw-2' };
const one = { RegionId: region, VpnGatewayId: 'vpn-target1' };
const two = { RegionId: region, VpnGatewayId: 'vpn-target2' };

async function start(clock = frozenClock()) {
  return emulatorWith([gateway('vpn-target1'), gateway('vpn-target2')], { clock });
}

const ask = (cloud: Emulator, action: string, parameters: Record<string, string>, by: AccessKey = key) =>
  send(cloud.port, signV3(signing(by, action, parameters)));

const effects = (cloud: Emulator) => cloud.journal.entries().map(({ effect }) => effect);

test('the same token with the same parameters answers as the first time and does nothing more', async () => {
  const clock = frozenClock();
  await using cloud = await start(clock);
  const asked = { ...one, ClientToken: 'token-1' };
  const first = await ask(cloud, deletion, asked);
  // By then the gateway is gone: only the token can make it a success.
  clock.advance(emulatorDefaults.timings.deletingMs);
  const again = await ask(cloud, deletion, asked);
  assert.deepEqual([first.status, again.status], [200, 200]);
  assert.notEqual(again.body.RequestId, first.body.RequestId, 'each request has an id of its own');
  assert.deepEqual(effects(cloud), ['deleted', 'replayed']);
  assert.equal(cloud.journal.effects().length, 1);
});

test('a creation is answered with the same gateway again', async () => {
  await using cloud = await start();
  const asked = { ...network, Name: 'mine', ClientToken: 'token-1' };
  const [first, again] = [await ask(cloud, creation, asked), await ask(cloud, creation, asked)];
  assert.equal(again.body.VpnGatewayId, first.body.VpnGatewayId);
  assert.deepEqual(effects(cloud), ['created', 'replayed']);
});

test('two at once with one token have one effect', async () => {
  await using cloud = await start();
  const asked = { ...network, ClientToken: 'token-1' };
  const answers = await Promise.all(Array.from({ length: 8 }, () => ask(cloud, creation, asked)));
  assert.equal(new Set(answers.map(({ body }) => body.VpnGatewayId)).size, 1);
  assert.deepEqual(effects(cloud).sort(), ['created', ...Array.from({ length: 7 }, () => 'replayed')]);
});

test('it is the same request by any key of the account, in query or form, by either signature', async () => {
  await using cloud = await start();
  const asked = { ...one, ClientToken: 'token-1' };
  assert.equal((await ask(cloud, deletion, asked)).status, 200);
  const others = [
    signV3(signing(secondKey, deletion, asked)),
    signV2(signing(key, deletion, asked)),
    signV2({
      ...signing(key, deletion, { VpnGatewayId: 'vpn-target1' }),
      form: { RegionId: region, ClientToken: 'token-1' },
    }),
  ];
  for (const wire of others) assert.equal((await send(cloud.port, wire)).status, 200);
  assert.deepEqual(effects(cloud), ['deleted', 'replayed', 'replayed', 'replayed']);
});

const mismatches: [name: string, action: string, parameters: Record<string, string>][] = [
  ['another gateway', deletion, two],
  ['another region', deletion, { ...one, RegionId: 'eu-central-1' }],
  ['a parameter more', deletion, { ...one, OwnerId: '1' }],
  ['another action', creation, one],
];
for (const [name, action, parameters] of mismatches) {
  test(`the same token with ${name} is refused`, async () => {
    await using cloud = await start();
    assert.equal((await ask(cloud, deletion, { ...one, ClientToken: 'token-1' })).status, 200);
    const { status, body } = await ask(cloud, action, { ...parameters, ClientToken: 'token-1' });
    assert.deepEqual([status, body.Code], [400, 'IdempotentParameterMismatch']);
    assert.deepEqual(effects(cloud), ['deleted', 'none']);
  });
}

test('tokens are case-sensitive', async () => {
  await using cloud = await start();
  assert.equal((await ask(cloud, deletion, { ...one, ClientToken: 'token-a' })).status, 200);
  assert.equal((await ask(cloud, deletion, { ...two, ClientToken: 'token-A' })).status, 200);
});

test('the token of another account is another token', async () => {
  await using cloud = await start();
  const asked = { ...network, ClientToken: 'token-1' };
  const [ours, theirs] = [await ask(cloud, creation, asked), await ask(cloud, creation, asked, foreignKey)];
  assert.equal(theirs.status, 200);
  assert.notEqual(ours.body.VpnGatewayId, theirs.body.VpnGatewayId);
  assert.deepEqual(effects(cloud), ['created', 'created']);
});

test('a refusal is not remembered: the same request may succeed later', async () => {
  const clock = frozenClock();
  await using cloud = await emulatorWith(
    [gateway('vpn-target1', { status: 'updating', settles: { atMs: clock.now() + 1_000, into: 'active' } })],
    { clock },
  );
  const asked = { ...one, ClientToken: 'token-1' };
  assert.equal((await ask(cloud, deletion, asked)).body.Code, 'VpnGateway.Configuring');
  clock.advance(1_000);
  assert.equal((await ask(cloud, deletion, asked)).status, 200);
});

for (const ClientToken of ['', undefined]) {
  test(`${ClientToken === '' ? 'an empty token' : 'no token'} makes every request one of its own`, async () => {
    await using cloud = await start();
    const token = ClientToken === undefined ? {} : { ClientToken };
    const answers = [
      await ask(cloud, creation, { ...network, ...token }),
      await ask(cloud, creation, { ...network, ...token }),
    ];
    assert.equal(new Set(answers.map(({ body }) => body.VpnGatewayId)).size, 2);
  });
}

const longest = 'x'.repeat(64);
for (const [name, ClientToken] of [
  ['of 65 characters', `${longest}x`],
  ['with a letter beyond ASCII', 'tökén'],
  ['with a control character', 'a\nb'],
] as const) {
  test(`a token ${name} is refused, and nothing is done`, async () => {
    await using cloud = await start();
    const { status, body } = await ask(cloud, deletion, { ...one, ClientToken });
    assert.deepEqual([status, body.Code], [400, 'InvalidClientToken']);
    assert.deepEqual(effects(cloud), ['none']);
  });
}

test('a token of 64 characters serves', async () => {
  await using cloud = await start();
  assert.equal((await ask(cloud, deletion, { ...one, ClientToken: longest })).status, 200);
});
