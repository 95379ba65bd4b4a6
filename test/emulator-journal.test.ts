import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createJournal, type Effect } from '../src/emulator/journal.ts';
import { emulatorWith, foreignKey, frozenClock, gateway, key, region } from './support/emulator.ts';
import { send, signing, signV3, withHeader } from './support/rpc-wire.ts';

test('every call is there in its order, refused ones included, with what it did', async () => {
  const clock = frozenClock();
  await using cloud = await emulatorWith([gateway('vpn-one')], { clock });
  const one = { RegionId: region, VpnGatewayId: 'vpn-one' };
  const asked = { ...one, ClientToken: 'token-1' };
  const wires = [
    signV3(signing(key, 'DescribeVpnGateway', one)),
    signV3(signing(foreignKey, 'DeleteEnhancedVpnGateway', asked)),
    signV3(signing(key, 'DeleteEnhancedVpnGateway', asked)),
    signV3(signing(key, 'DeleteEnhancedVpnGateway', asked)),
    withHeader(signV3(signing(key, 'DeleteEnhancedVpnGateway', asked)), 'x-acs-signature-nonce', 'changed'),
    signV3(signing(key, 'NoSuchAction', {})),
  ];
  const ids: unknown[] = [];
  for (const wire of wires) {
    ids.push((await send(cloud.port, wire)).body.RequestId);
    clock.advance(1_000);
  }
  const entries = cloud.journal.entries();
  assert.deepEqual(
    entries.map((entry) => [
      entry.action,
      entry.accountId,
      entry.clientToken,
      entry.effect,
      entry.httpStatus,
      entry.code,
    ]),
    [
      ['DescribeVpnGateway', key.accountId, null, 'none', 200, null],
      [
        'DeleteEnhancedVpnGateway',
        foreignKey.accountId,
        'token-1',
        'none',
        400,
        'InvalidVpnGatewayInstanceId.NotFound',
      ],
      ['DeleteEnhancedVpnGateway', key.accountId, 'token-1', 'deleted', 200, null],
      ['DeleteEnhancedVpnGateway', key.accountId, 'token-1', 'replayed', 200, null],
      // Who and what is not said of a call that nobody can be held to.
      ['DeleteEnhancedVpnGateway', null, null, 'none', 400, 'SignatureDoesNotMatch'],
      ['', null, null, 'none', 404, 'InvalidAction.NotFound'],
    ],
  );
  assert.deepEqual(
    entries.map(({ requestId }) => requestId),
    ids,
  );
  assert.deepEqual(
    entries.map(({ sequence }) => sequence),
    [1, 2, 3, 4, 5, 6],
  );
  const begun = entries[0]?.atMs ?? 0;
  assert.deepEqual(
    entries.map(({ atMs }) => atMs - begun),
    [0, 1_000, 2_000, 3_000, 4_000, 5_000],
  );
  assert.deepEqual(
    cloud.journal.effects().map(({ sequence }) => sequence),
    [3],
  );
});

test('parameters without end are not kept', async () => {
  await using cloud = await emulatorWith([]);
  await send(
    cloud.port,
    signV3(signing(key, 'DescribeVpnGateway', { RegionId: region, VpnGatewayId: 'v'.repeat(5_000) })),
  );
  assert.equal(cloud.journal.entries()[0]?.resourceId, null);
});

test('it is bounded: the older half goes, and what had an effect stays longer', () => {
  const journal = createJournal({ withEffect: 4, withoutEffect: 4 });
  const append = (effect: Effect) =>
    journal.append({
      atMs: 0,
      action: 'DeleteEnhancedVpnGateway',
      accountId: null,
      regionId: null,
      resourceId: null,
      clientToken: null,
      effect,
      httpStatus: 200,
      code: null,
      requestId: '',
      fault: null,
    });
  const kept = () => journal.entries().map(({ sequence }) => sequence);
  append('deleted');
  for (let number = 2; number <= 5; number += 1) append('none');
  assert.deepEqual(kept(), [1, 2, 3, 4, 5]);
  append('none');
  assert.deepEqual(kept(), [1, 5, 6]);
  for (let number = 7; number <= 9; number += 1) append('created');
  assert.deepEqual(kept(), [1, 5, 6, 7, 8, 9]);
  append('replayed');
  assert.deepEqual(kept(), [5, 6, 9, 10]);
  for (let number = 0; number < 1_000; number += 1) append(number % 3 === 0 ? 'created' : 'none');
  assert.ok(journal.entries().length <= 8);
  journal.clear();
  append('none');
  assert.deepEqual(kept(), [1_011]);
});
