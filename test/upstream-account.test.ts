import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Problem } from '../src/errors.ts';
import { createAccount } from '../src/upstream/account.ts';
import type { CloudKeys } from '../src/upstream/credentials.ts';
import { createRpc } from '../src/upstream/rpc.ts';
import {
  type Answer,
  json,
  raw,
  refusal,
  type ScriptedCloud,
  startScriptedCloud,
} from './support/scripted-cloud.ts';
import { accountId, endpointsAt, frozenPace, keys, region } from './support/upstream.ts';

const action = 'GetCallerIdentity';
const identity = (id: unknown): Answer =>
  json(200, { RequestId: 'REQ-STS', AccountId: id, Arn: 'acs:ram::1:user/u', UserId: '2' });

function accountAt(cloud: ScriptedCloud, credentials: () => Promise<CloudKeys>) {
  const pace = frozenPace();
  const settings = { regions: [region], endpoints: endpointsAt(cloud.host), connectTimeoutMs: 2_000 };
  const client = createRpc({ ...settings, readTimeoutMs: 3_000 }, credentials);
  const { signal } = new AbortController();
  const account = createAccount(
    { rpc: client.rpc, credentials, pace, signal },
    { ttlMs: 60_000, budgetMs: 3_000 },
  );
  return { account, pace, [Symbol.dispose]: client[Symbol.dispose] };
}
const source =
  (accessKeyId: string = keys.accessKeyId) =>
  () =>
    Promise.resolve({ ...keys, accessKeyId, providerName: 'static' });

test('the account is the one that STS names, asked once in its time by all who come at once', async () => {
  await using cloud = await startScriptedCloud();
  using at = accountAt(cloud, source());
  cloud.answer(action, identity(accountId));
  assert.deepEqual(await Promise.all([at.account(region), at.account(region)]), [accountId, accountId]);
  assert.equal(await at.account(region), accountId);
  assert.equal(cloud.requests.length, 1);
  assert.equal(cloud.requests[0]?.headers['x-acs-version'], '2015-04-01');
  assert.deepEqual(cloud.requests[0]?.parameters, {});
  await at.pace.sleep(60_000, new AbortController().signal);
  await at.account(region);
  assert.equal(cloud.requests.length, 2);
});

test('another access key is asked about anew', async () => {
  await using cloud = await startScriptedCloud();
  let accessKeyId = 'LTAIfirst';
  using at = accountAt(cloud, () => source(accessKeyId)());
  cloud.answer(action, identity('111'), identity('222'));
  assert.equal(await at.account(region), '111');
  accessKeyId = 'LTAIsecond';
  assert.equal(await at.account(region), '222');
});

const failing: [string, Answer, string][] = [
  ['no account in the answer', json(200, { RequestId: 'R' }), 'UPSTREAM_UNINTELLIGIBLE'],
  ['a number', identity(123), 'UPSTREAM_UNINTELLIGIBLE'],
  ['an empty account', identity(''), 'UPSTREAM_UNINTELLIGIBLE'],
  ['an account of letters', identity('me'), 'UPSTREAM_UNINTELLIGIBLE'],
  ['a web page', raw(502, '<html>'), 'UPSTREAM_UNINTELLIGIBLE'],
  ['an unknown access key', refusal(404, 'InvalidAccessKeyId.NotFound'), 'UPSTREAM_IDENTITY_REFUSED'],
  ['an expired token', refusal(400, 'InvalidSecurityToken.Expired'), 'UPSTREAM_IDENTITY_REFUSED'],
  ['throttling', refusal(400, 'Throttling.User'), 'UPSTREAM_THROTTLED'],
];
for (const [name, answer, code] of failing) {
  test(`${name}: there is no account, and it is asked for again`, async () => {
    await using cloud = await startScriptedCloud();
    using at = accountAt(cloud, source());
    cloud.answer(action, answer);
    await assert.rejects(at.account(region), (error) => error instanceof Problem && error.code === code);
    cloud.answer(action, identity(accountId));
    assert.equal(await at.account(region), accountId);
  });
}

test('no credentials: the problem says so, and nothing is sent', async () => {
  await using cloud = await startScriptedCloud();
  using at = accountAt(cloud, () => Promise.reject(new Error('none')));
  await assert.rejects(
    at.account(region),
    (error) => error instanceof Problem && error.code === 'CREDENTIALS_UNAVAILABLE',
  );
  assert.equal(cloud.requests.length, 0);
});
