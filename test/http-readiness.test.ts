import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import SqliteDatabase from 'better-sqlite3';
import { databaseFile } from '../src/storage/sqlite.ts';
import { startTestGateway, type TestGateway } from './support/gateway.ts';

type Checks = Record<'store' | 'policy' | 'keys', { ok: boolean; detail: string }>;

/** Asks until it is (not) ready. */
async function readiness(portcullis: TestGateway, status: number): Promise<Checks> {
  for (;;) {
    const response = await portcullis.send('get', '/readyz');
    if (response.status === status) return response.body.checks;
    await delay(20);
  }
}

test('ready once the keys are there; not ready while the store takes no writes, and it says which', async () => {
  await using portcullis = await startTestGateway();
  const checks = await readiness(portcullis, 200);
  assert.ok(checks.policy.detail.includes(portcullis.gateway.policyRevision));

  const other = new SqliteDatabase(join(portcullis.stateDir, databaseFile));
  other.exec('begin exclusive');
  const locked = await readiness(portcullis, 503);
  assert.deepEqual([locked.store.ok, locked.policy.ok, locked.keys.ok], [false, true, true]);
  assert.equal((await portcullis.send('get', '/livez')).status, 200, 'it is alive all the same');
  other.exec('rollback');
  other.close();
  assert.equal((await readiness(portcullis, 200)).store.ok, true);
});

test('not ready while no issuer has usable keys, and alive', async () => {
  await using portcullis = await startTestGateway({
    issuers: [
      {
        issuer: 'https://issuer.example',
        // Nobody listens there.
        keys: { jwksUrl: 'http://127.0.0.1:9/jwks.json' },
        audiences: ['portcullis'],
        algorithms: ['ES256'],
      },
    ],
  });
  const checks = await readiness(portcullis, 503);
  assert.deepEqual([checks.store.ok, checks.keys.ok], [true, false]);
});
