import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { StoredAuditRecord } from '../src/audit/log.ts';
import { auditor, type Caller, operator, startTestGateway, type TestGateway } from './support/gateway.ts';
import { auditRecords, readOperation } from './support/observe.ts';

const other = { ...operator, sub: 'someone-else' };

let portcullis: TestGateway;
let operationId: string;
before(async () => {
  portcullis = await startTestGateway();
  ({
    body: { operationId },
  } = await portcullis.remove('vpn-demodeletable1'));
  for (const gateway of ['vpn-demoprotected1', 'vpn-democonnected1', 'vpn-demonowhere1']) {
    await portcullis.remove(gateway);
    await portcullis.remove(gateway, { caller: other });
  }
  await portcullis.remove('vpn-demodeletable2', { caller: other });
});
after(() => portcullis[Symbol.asyncDispose]());

async function read(query: string, caller: Caller = auditor) {
  const headers = { Authorization: `Bearer ${await portcullis.token(caller)}` };
  return portcullis.send('get', `/v1/audit/records${query}`, headers);
}

test('only the auditor reads the log', async () => {
  for (const caller of [
    operator,
    { ...operator, roles: [] },
    { ...operator, roles: ['Auditor', 'auditors'] },
  ]) {
    const answer = await read('', caller);
    assert.deepEqual([answer.status, answer.body.code], [403, 'ROLE_REQUIRED']);
  }
  assert.equal((await portcullis.send('get', '/v1/audit/records')).status, 401);
  assert.equal((await read('')).status, 200);
});

const filters: readonly [string, (record: StoredAuditRecord) => boolean][] = [
  ['subject=someone-else', ({ principal }) => principal?.subject === 'someone-else'],
  ['resourceId=vpn-demoprotected1', ({ request }) => request?.resourceId === 'vpn-demoprotected1'],
  ['code=POLICY_DENIED', ({ code }) => code === 'POLICY_DENIED'],
  ['result=allowed', ({ result }) => result === 'allowed'],
  [
    'subject=someone-else&code=GATEWAY_NOT_FOUND',
    ({ principal, code }) => principal?.subject === 'someone-else' && code === 'GATEWAY_NOT_FOUND',
  ],
];
for (const [filter, holds] of filters) {
  test(`filter ${filter}`, async () => {
    const before = await auditRecords(portcullis);
    const found = await auditRecords(portcullis, filter);
    // Reading leaves records of its own, which the same filter may find.
    const known = found.filter(({ sequence }) => sequence <= (before.at(-1)?.sequence ?? 0));
    assert.deepEqual(known, before.filter(holds));
    assert.ok(known.length > 0 && found.every(holds));
  });
}

test('filter operationId', async () => {
  const found = await auditRecords(portcullis, `operationId=${operationId}`);
  assert.deepEqual(
    found.slice(0, 2).map(({ kind, result }) => [kind, result]),
    [
      ['decision', 'allowed'],
      ['outcome', 'accepted'],
    ],
  );
  assert.ok(found.every((record) => record.operationId === operationId));
});

test('a filter is a value, not a pattern or a piece of SQL', async () => {
  for (const value of ['%25', "'%20or%20'1'%3D'1", 'POLICY*', 'policy_denied']) {
    assert.deepEqual(await auditRecords(portcullis, `code=${value}`), []);
  }
});

for (const limit of [2, 3, 7]) {
  test(`pages of ${limit} have every record once, in order, without a gap`, async () => {
    const whole = await auditRecords(portcullis);
    const end = whole.at(-1)?.sequence ?? 0;
    const paged: StoredAuditRecord[] = [];
    let after: number | null = 0;
    while (after !== null && after < end) {
      const { body } = await read(`?after=${after}&limit=${limit}`);
      assert.ok(body.records.length <= limit);
      paged.push(...body.records);
      after = body.next;
    }
    const known = paged.filter(({ sequence }) => sequence <= end);
    assert.deepEqual(known, whole);
    assert.deepEqual(
      known.map(({ sequence }) => sequence),
      Array.from({ length: end }, (_, index) => index + 1),
    );
  });
}

test('records written while pages are read are on a later page', async () => {
  const { body } = await read('?limit=5');
  await portcullis.remove('vpn-demolocked1');
  const rest = await auditRecords(portcullis, `after=${body.next}&limit=1000`);
  assert.equal(rest[0]?.sequence, body.next + 1);
  assert.ok(rest.some(({ request }) => request?.resourceId === 'vpn-demolocked1'));
});

test('reading is recorded, with what was asked', async () => {
  const { headers } = await read('?subject=ci-cleanup&limit=3');
  const records = await auditRecords(portcullis);
  const own = records.filter(({ origin }) => origin.requestId === headers['x-request-id']);
  assert.deepEqual(
    own.map(({ kind, principal, summary }) => [kind, principal?.subject, summary]),
    [
      [
        'read',
        auditor.sub,
        {
          filter: {
            after: 0,
            limit: 3,
            operationId: null,
            subject: 'ci-cleanup',
            resourceId: null,
            code: null,
            result: null,
          },
        },
      ],
    ],
  );
});

test('an operation is read by its caller and by the auditor; for others there is none', async () => {
  assert.equal((await readOperation(portcullis, operationId)).status, 200);
  assert.equal((await readOperation(portcullis, operationId, auditor)).status, 200);
  const foreign = await readOperation(portcullis, operationId, other);
  const none = await readOperation(portcullis, 'op_00000000-0000-4000-8000-000000000000', other);
  for (const answer of [foreign, none]) {
    assert.deepEqual([answer.status, answer.body.code], [404, 'OPERATION_NOT_FOUND']);
  }
  assert.equal(foreign.body.detail, none.body.detail, 'nobody can tell the two apart');
  const malformed = await readOperation(portcullis, 'op_x', other);
  assert.equal(malformed.status, 404);
  const query = await portcullis.send('get', `/v1/operations/${operationId}?a=b`, {
    Authorization: `Bearer ${await portcullis.token()}`,
  });
  assert.equal(query.status, 400);
});
