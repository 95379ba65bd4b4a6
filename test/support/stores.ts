import { after } from 'node:test';
import { openPostgresql } from '../../src/storage/postgresql.ts';
import { openSqlite } from '../../src/storage/sqlite.ts';
import type { Store } from '../../src/storage/store.ts';
import { type PostgresServer, startPostgres, withoutPostgres } from './postgres.ts';
import { temporaryDirectory } from './temporary-directory.ts';

export type StoreKind = {
  name: 'SQLite' | 'PostgreSQL';
  /** Why its tests are skipped here; false where they run. */
  skip: string | false;
  /** An empty store; every further call opens another one. */
  open(): Promise<Store & AsyncDisposable>;
};

/** Both databases, for tests that hold for either. One server serves the whole file. */
export function storeKinds(): readonly StoreKind[] {
  let server: Promise<PostgresServer> | null = null;
  after(async () => {
    if (server !== null) await (await server)[Symbol.asyncDispose]();
  });
  return [
    {
      name: 'SQLite',
      skip: false,
      async open() {
        const directory = temporaryDirectory();
        const store = await openSqlite(directory.path);
        return {
          ...store,
          async [Symbol.asyncDispose]() {
            await store[Symbol.asyncDispose]();
            directory[Symbol.dispose]();
          },
        };
      },
    },
    {
      name: 'PostgreSQL',
      skip: withoutPostgres(),
      async open() {
        server ??= startPostgres();
        return openPostgresql(await (await server).createDatabase());
      },
    },
  ];
}
