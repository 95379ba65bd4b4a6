import assert from 'node:assert/strict';
import { test } from 'node:test';
import { demoSeed } from '../src/emulator/demo-seed.ts';
import { type Emulator, emulatorDefaults, startEmulator } from '../src/emulator/server.ts';
import { startTestGateway } from './support/gateway.ts';
import { auditRecords, deletions, operationIn, recordsOf } from './support/observe.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const gateway = 'vpn-demodeletable1';
const elsewhere = '9876543210987654';

/** A cloud in which the very same access key belongs to another account, with `gateways` of the demo in it. */
function cloudOfAnother(gateways: readonly string[]): Promise<Emulator> {
  const seed = demoSeed(Date.now);
  return startEmulator({
    ...emulatorDefaults,
    port: 0,
    now: Date.now,
    accessKeys: emulatorDefaults.accessKeys.map((key) => ({ ...key, accountId: elsewhere })),
    seed: {
      ...seed,
      gateways: seed.gateways
        .filter(({ vpnGatewayId }) => gateways.includes(vpnGatewayId))
        .map((one) => ({ ...one, accountId: elsewhere })),
    },
  });
}

const at = ({ port }: Emulator) => `127.0.0.1:${port}`;

test('credentials of another account: refused for it, and nothing is deleted there', async () => {
  await using other = await cloudOfAnother([gateway]);
  await using portcullis = await startTestGateway({
    cloud: { endpoint: at(other), stsEndpoint: at(other) },
  });
  for (const query of ['', '?validateOnly=true']) {
    const answer = await portcullis.remove(gateway, { query });
    assert.deepEqual([answer.status, answer.body.code], [403, 'POLICY_DENIED'], answer.text);
    assert.deepEqual(
      answer.body.violations.map(({ code }: { code: string }) => code),
      ['IDENTITY_MISMATCH'],
    );
    const [record] = await recordsOf(portcullis, answer);
    assert.deepEqual([record?.stage, record?.result], ['decision', 'refused']);
    assert.ok(JSON.stringify(record?.policyInput).includes(elsewhere), 'the log says which account it was');
  }
  assert.deepEqual(deletions(other), []);
});

test('STS alone names another account: refused all the same', async () => {
  await using other = await cloudOfAnother([]);
  await using portcullis = await startTestGateway({ cloud: { stsEndpoint: at(other) } });
  const answer = await portcullis.remove(gateway);
  assert.deepEqual([answer.status, answer.body.violations[0].code], [403, 'IDENTITY_MISMATCH']);
  assert.deepEqual(deletions(portcullis.cloud), []);
});

test('a gateway of another account is none', async () => {
  await using portcullis = await startTestGateway();
  const standing = portcullis.cloud.cloud.gateway('cn-hangzhou', gateway);
  assert.ok(standing !== null);
  portcullis.cloud.cloud.change(standing, { accountId: elsewhere });
  const answer = await portcullis.remove(gateway);
  assert.deepEqual([answer.status, answer.body.code], [404, 'GATEWAY_NOT_FOUND']);
  assert.deepEqual(deletions(portcullis.cloud), []);
});

test('an account that this instance is set to, and that policy grants nobody: refused, the cloud is not asked', async () => {
  await using portcullis = await startTestGateway({ accountId: elsewhere });
  const answer = await portcullis.remove(gateway);
  assert.deepEqual([answer.status, answer.body.violations[0].code], [403, 'CALLER_NOT_PERMITTED']);
  assert.deepEqual(portcullis.cloud.journal.entries(), []);
});

test('what another account does not know is not said to be gone', async () => {
  using directory = temporaryDirectory();
  const changes = {
    stateDir: directory.path,
    recovery: { intervalMs: 100, lookEveryMs: 100, attentionAfterMs: 1_000 },
  };
  let operationId: string;
  {
    await using portcullis = await startTestGateway({ stateDir: directory.path });
    const answer = await portcullis.remove(gateway);
    assert.equal(answer.body.state, 'accepted');
    operationId = answer.body.operationId;
  }
  await using other = await cloudOfAnother([]);
  await using portcullis = await startTestGateway({
    ...changes,
    cloud: { endpoint: at(other), stsEndpoint: at(other) },
  });
  const ended = await operationIn(portcullis, operationId, 'needs_attention');
  assert.match(ended.problem.detail, /cannot be looked at/);
  const states = (await auditRecords(portcullis, `operationId=${operationId}`)).map(({ result }) => result);
  assert.ok(!states.includes('gone'), states.join());
});
