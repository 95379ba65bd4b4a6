import assert from 'node:assert/strict';
import { test } from 'node:test';
import { libpqEnvironment } from '../src/storage/libpq-environment.ts';

const at = { PGHOST: 'db.example', PGPORT: '5432', PGUSER: 'u', PGPASSWORD: 'p', PGDATABASE: 'ledger' };

/** What is not named is as in `at`. */
const table: readonly [string, Record<string, string>][] = [
  ['postgresql://u:p@db.example/ledger', {}],
  ['postgres://u:p@db.example:6000/ledger', { PGPORT: '6000' }],
  ['postgresql://u%40x:p%2Fq@db.example/ledger', { PGUSER: 'u@x', PGPASSWORD: 'p/q' }],
  ['postgresql://u:p@[::1]/ledger', { PGHOST: '::1' }],
  ['postgresql://u:p@localhost/ledger?host=/run/postgresql', { PGHOST: '/run/postgresql' }],
  ['postgresql://u:p@db.example/ledger?sslmode=disable', { PGSSLMODE: 'disable' }],
  ['postgresql://u:p@db.example/ledger?sslmode=no-verify', { PGSSLMODE: 'require' }],
  [
    'postgresql://u:p@db.example/ledger?sslmode=require',
    { PGSSLMODE: 'verify-full', PGSSLROOTCERT: 'system' },
  ],
  ['postgresql://u:p@db.example/ledger?sslmode=require&uselibpqcompat=true', { PGSSLMODE: 'require' }],
];

test('the programs of PostgreSQL reach what the driver reaches, no less strictly', () => {
  for (const [url, differences] of table) {
    assert.deepEqual(libpqEnvironment(url), { ...at, ...differences }, url);
  }
});
