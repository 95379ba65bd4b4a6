import { after } from 'node:test';
import { type PostgresServer, startPostgres, withoutPostgres } from '../support/postgres.ts';

/** A database under test. `skip`: why it cannot be had here; never in continuous integration. */
export type TestDatabase = {
  name: 'SQLite' | 'PostgreSQL';
  skip: string | false;
  /** How many gateways may share it. */
  instances: number;
  /** The URL of a new database; null: SQLite in the state directory. */
  create(): Promise<string | null>;
};

const sqlite: TestDatabase = { name: 'SQLite', skip: false, instances: 1, create: async () => null };

/** One server serves all tests of a file, and ends with them. */
function postgresql(): TestDatabase {
  let server: Promise<PostgresServer> | null = null;
  after(async () => (await server)?.[Symbol.asyncDispose]());
  return {
    name: 'PostgreSQL',
    skip: withoutPostgres(),
    instances: 2,
    async create() {
      server ??= startPostgres();
      return (await server).createDatabase();
    },
  };
}

/** Both databases; to be called once in a test file. */
export function bothDatabases(): readonly TestDatabase[] {
  return [sqlite, postgresql()];
}
