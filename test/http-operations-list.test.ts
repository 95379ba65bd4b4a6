import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditor, operator, startTestGateway, type TestGateway } from './support/gateway.ts';

const other = { ...operator, sub: 'another' };
const gateways = ['vpn-demodeletable1', 'vpn-demodeletable2', 'vpn-demoexpired1'];

async function list(portcullis: TestGateway, caller: typeof operator, query = '') {
  return portcullis.send('get', `/v1/operations${query}`, {
    Authorization: `Bearer ${await portcullis.token(caller)}`,
  });
}

const idsOf = (body: { operations: { resource: { id: string } }[] }) =>
  body.operations.map(({ resource }) => resource.id);

test('a caller lists its own operations, the newest first; the auditor everyone’s', async () => {
  await using portcullis = await startTestGateway();
  for (const id of gateways) assert.equal((await portcullis.remove(id)).status, 200);
  const elsewhere = { caller: other, region: 'ap-southeast-1' };
  assert.equal((await portcullis.remove('vpn-demosingapore1', elsewhere)).status, 200);

  assert.deepEqual(idsOf((await list(portcullis, operator)).body), gateways.toReversed());
  assert.deepEqual(idsOf((await list(portcullis, other)).body), ['vpn-demosingapore1']);
  assert.equal((await list(portcullis, auditor)).body.operations.length, 4);
  for (const [query, expected] of [
    ['?regionId=ap-southeast-1', ['vpn-demosingapore1']],
    ['?subject=another', ['vpn-demosingapore1']],
    ['?resourceId=vpn-demoexpired1', ['vpn-demoexpired1']],
    ['?state=needs_attention', []],
    [`?subject=${operator.sub}&regionId=ap-southeast-1`, []],
  ] as const) {
    assert.deepEqual(idsOf((await list(portcullis, auditor, query)).body), expected, query);
  }
  assert.deepEqual(
    idsOf((await list(portcullis, operator, '?subject=another')).body),
    [],
    'a filter opens nothing',
  );
});

test('pages show each operation once, also when others begin meanwhile', async () => {
  await using portcullis = await startTestGateway();
  for (const id of gateways) await portcullis.remove(id);
  const seen: string[] = [];
  let query = '?limit=1';
  for (let page = 0; page < 10; page += 1) {
    const { body } = await list(portcullis, auditor, query);
    seen.push(...idsOf(body));
    if (page === 0)
      await portcullis.remove('vpn-demosingapore1', { caller: other, region: 'ap-southeast-1' });
    if (body.next === null) break;
    query = `?limit=1&cursor=${encodeURIComponent(body.next)}`;
  }
  assert.deepEqual(seen, gateways.toReversed());
});

test('a list that is asked for wrongly is refused, and names the part', async () => {
  await using portcullis = await startTestGateway();
  for (const [query, field] of [
    ['?limit=0', 'limit'],
    ['?limit=201', 'limit'],
    ['?limit=-1', 'limit'],
    ['?state=lost', 'state'],
    ['?state=', 'state'],
    ['?cursor=x', 'cursor'],
    ['?cursor=', 'cursor'],
    [`?cursor=${Buffer.from('[-1,"op"]').toString('base64url')}`, 'cursor'],
    ['?order=asc', 'order'],
    ['?limit=1&limit=2', 'limit'],
  ] as const) {
    const refused = await list(portcullis, operator, query);
    assert.deepEqual(
      [refused.status, refused.body.code, refused.body.fields],
      [400, 'INVALID_REQUEST', [field]],
      query,
    );
  }
});
