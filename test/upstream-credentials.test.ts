import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chain, createCredentialSource } from '../src/upstream/credentials.ts';

const keys = (n: number) => ({
  accessKeyId: `id${n}`,
  accessKeySecret: 's',
  securityToken: '',
  providerName: 'p',
});
const provider = (getCredentials: () => Promise<unknown>) => ({
  getCredentials,
  getProviderName: () => 'test',
});

test('a chain that found nothing is built anew, so that a role which appears later is found', async () => {
  let built = 0;
  const source = chain(() => {
    built += 1;
    const n = built;
    return provider(() => (n === 1 ? Promise.reject(new Error('none yet')) : Promise.resolve(keys(n))));
  }, 1_000);
  await assert.rejects(source(), /none yet/);
  assert.equal((await source()).accessKeyId, 'id2');
});

test('a chain that has worked is kept through a failure, so that no other identity slips in', async () => {
  let built = 0;
  let calls = 0;
  const source = chain(() => {
    built += 1;
    return provider(() => {
      calls += 1;
      return calls === 2 ? Promise.reject(new Error('passing')) : Promise.resolve(keys(built));
    });
  }, 1_000);
  await source();
  await assert.rejects(source(), /passing/);
  assert.equal((await source()).accessKeyId, 'id1');
  assert.equal(built, 1);
});

test('calls at once share one flight', async () => {
  let calls = 0;
  const source = chain(
    () =>
      provider(async () => {
        calls += 1;
        await new Promise(setImmediate);
        return keys(calls);
      }),
    1_000,
  );
  const all = await Promise.all([source(), source(), source()]);
  assert.deepEqual(
    all.map(({ accessKeyId }) => accessKeyId),
    ['id1', 'id1', 'id1'],
  );
});

test('a chain that never answers fails, and the next call asks again', async () => {
  let calls = 0;
  const source = chain(
    () =>
      provider(() => {
        calls += 1;
        return calls === 1 ? new Promise(() => undefined) : Promise.resolve(keys(calls));
      }),
    20,
  );
  await assert.rejects(source(), /in time/);
  assert.equal((await source()).accessKeyId, 'id2');
});

for (const value of [
  null,
  undefined,
  'x',
  {},
  { ...keys(1), accessKeyId: '' },
  { ...keys(1), accessKeySecret: 7 },
]) {
  test(`no key is made of ${JSON.stringify(value)}`, async () => {
    await assert.rejects(chain(() => provider(() => Promise.resolve(value)), 1_000)());
  });
}

test('static keys are checked at the start', async () => {
  const settings = { kind: 'static', accessKeyId: 'a', accessKeySecret: 'b', securityToken: null } as const;
  assert.deepEqual(await createCredentialSource(settings)(), {
    accessKeyId: 'a',
    accessKeySecret: 'b',
    securityToken: '',
    providerName: 'static',
  });
  assert.throws(() => createCredentialSource({ ...settings, accessKeySecret: '' }), /no access key/);
});

test('the official chain takes keys from the environment', async () => {
  const names = [
    'ALIBABA_CLOUD_ACCESS_KEY_ID',
    'ALIBABA_CLOUD_ACCESS_KEY_SECRET',
    'ALIBABA_CLOUD_SECURITY_TOKEN',
  ];
  const before = names.map((name) => process.env[name]);
  try {
    for (const name of names) process.env[name] = `value of ${name}`;
    const found = await createCredentialSource({ kind: 'chain' })();
    assert.equal(found.accessKeyId, 'value of ALIBABA_CLOUD_ACCESS_KEY_ID');
    assert.equal(found.securityToken, 'value of ALIBABA_CLOUD_SECURITY_TOKEN');
    assert.match(found.providerName, /env/);
  } finally {
    names.forEach((name, i) => {
      if (before[i] === undefined) delete process.env[name];
      else process.env[name] = before[i];
    });
  }
});
