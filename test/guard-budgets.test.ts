import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { defaultBundleFile } from '../src/package-files.ts';
import { unpack } from '../src/policy/authoring/archive.ts';
import type { BudgetLimit } from '../src/policy/decision.ts';
import { operator, startTestGateway } from './support/gateway.ts';
import { deletion, deletions } from './support/observe.ts';
import { changeBundle } from './support/policy.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

/** A gateway whose policy has just these limits for everyone, in a directory that outlives the call. */
async function startLimited(limits: readonly BudgetLimit[]) {
  const stack = new AsyncDisposableStack();
  const directory = stack.use(temporaryDirectory());
  const archive = await readFile(defaultBundleFile);
  const data = JSON.parse(Buffer.from((await unpack(archive)).get('/data.json') ?? '').toString('utf8'));
  data.portcullis.parameters.budgets[0].limits = limits;
  const bundle = join(directory.path, 'bundle.tar.gz');
  await writeFile(bundle, await changeBundle(archive, { '/data.json': JSON.stringify(data) }));
  const portcullis = stack.use(await startTestGateway({ policy: { bundle } }));
  return { ...portcullis, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test('as many as the budget allows, then 429 that says which budget and when', async () => {
  await using portcullis = await startLimited([
    { scope: 'principal', window: 'hour', limit: 2 },
    { scope: 'all', window: 'day', limit: 50 },
  ]);
  const first = await portcullis.remove('vpn-demodeletable1');
  assert.equal(first.status, 200);
  assert.equal(first.headers['ratelimit-policy'], '"all-day";q=50;w=86400, "principal-hour";q=2;w=3600');
  assert.match(first.headers.ratelimit ?? '', /^"all-day";r=49;t=\d+, "principal-hour";r=1;t=\d+$/);
  assert.equal((await portcullis.remove('vpn-demodeletable2')).status, 200);

  for (const query of ['', '?validateOnly=true']) {
    const refused = await portcullis.remove('vpn-demoexpired1', { query });
    assert.deepEqual([refused.status, refused.body.code], [429, 'BUDGET_EXHAUSTED']);
    assert.match(refused.body.detail, /policy allows 2 an hour for one caller/);
    const retryAfter = Number(refused.headers['retry-after']);
    assert.ok(retryAfter > 3_000 && retryAfter <= 3_660, `${retryAfter}`);
    assert.match(refused.headers.ratelimit ?? '', /^"principal-hour";r=0;t=\d+$/);
  }
  assert.equal(deletions(portcullis.cloud).length, 2);
  const other = { ...operator, sub: 'another' };
  assert.equal(
    (await portcullis.remove('vpn-demoexpired1', { caller: other })).status,
    200,
    'another caller',
  );
});

for (const [scope, sharedBy] of [
  ['all', 'everyone'],
  ['region', 'the callers of a region'],
  ['tenant', 'callers without a tenant'],
] as const) {
  test(`a budget for ${scope} is shared by ${sharedBy}`, async () => {
    await using portcullis = await startLimited([{ scope, window: 'day', limit: 1 }]);
    assert.equal((await portcullis.remove('vpn-demodeletable1')).status, 200);
    const caller = { ...operator, sub: 'another' };
    assert.equal((await portcullis.remove('vpn-demodeletable2', { caller })).body.code, 'BUDGET_EXHAUSTED');
    const elsewhere = await portcullis.remove('vpn-demosingapore1', { caller, region: 'ap-southeast-1' });
    assert.equal(elsewhere.status, scope === 'region' ? 200 : 429);
  });
}

test('what certainly had no effect is given back; what is refused or replayed is never taken', async () => {
  await using portcullis = await startLimited([{ scope: 'principal', window: 'hour', limit: 1 }]);
  assert.equal((await portcullis.remove('vpn-demoprotected1')).status, 403);
  assert.equal((await portcullis.remove('vpn-demodeletable1', { query: '?validateOnly=true' })).status, 200);
  portcullis.cloud.faults.add({
    kind: 'error',
    action: deletion,
    status: 403,
    code: 'ForbiddenRelease',
    count: 1,
  });
  const failed = await portcullis.remove('vpn-demodeletable1');
  assert.deepEqual([failed.status, failed.body.code], [409, 'GATEWAY_PREPAID_IN_TERM']);
  const headers = { 'Idempotency-Key': 'k' };
  assert.equal((await portcullis.remove('vpn-demodeletable1', { headers })).status, 200);
  assert.equal((await portcullis.remove('vpn-demodeletable1', { headers })).status, 200, 'replayed');
  assert.equal((await portcullis.remove('vpn-demodeletable2')).body.code, 'BUDGET_EXHAUSTED');
});

test('requests that race for the last place: one gets it', async () => {
  await using portcullis = await startLimited([{ scope: 'all', window: 'hour', limit: 1 }]);
  const answers = await Promise.all(
    ['vpn-demodeletable1', 'vpn-demodeletable2', 'vpn-demoexpired1'].map((gateway) =>
      portcullis.remove(gateway),
    ),
  );
  assert.deepEqual(
    answers.map(({ status }) => status).toSorted((a, b) => a - b),
    [200, 429, 429],
  );
  assert.equal(portcullis.cloud.journal.effects().length, 1);
});
