import SqliteDatabase from 'better-sqlite3';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { migrate } from '../../src/storage/migrate.ts';
import type {
  AuditRecordsTable,
  BudgetUsageTable,
  OperationsTable,
  Schema,
} from '../../src/storage/schema.ts';
import { connect } from '../../src/storage/sqlite.ts';
import type { Database, InTransaction } from '../../src/storage/store.ts';

/** What is committed, as far as it is judged. */
export type Committed = {
  operations: OperationsTable[];
  /** Records after those that were shown before. */
  records: AuditRecordsTable[];
  budgets: BudgetUsageTable[];
  stopped: boolean;
};

/** One SQLite database in memory with the real tables; every run begins with empty ones. */
export type SimulatedDatabase = {
  /** For works between `begin` and `end`. */
  readonly writer: InTransaction;
  begin(): void;
  end(how: 'commit' | 'rollback'): void;
  /** Reads that first wait for `gate`, which may refuse. */
  reader(gate: () => Promise<void>): Database;
  /** Outside a transaction only. `after`: the last record that was shown. */
  committed(after: number): Committed;
  /** Empties the tables. `defect` runs on the emptied database. */
  reset(): void;
};

export async function openSimulatedDatabase(): Promise<SimulatedDatabase> {
  const sqlite = new SqliteDatabase(':memory:');
  sqlite.pragma('synchronous = OFF');
  await migrate(connect(sqlite), 'The database of the simulation');
  // The next run begins with none.
  sqlite.exec('drop trigger audit_records_no_delete');

  const writer = await kyselyOver(sqlite, null).startTransaction().execute();
  const begin = sqlite.prepare('begin');
  const ends = { commit: sqlite.prepare('commit'), rollback: sqlite.prepare('rollback') };
  const operations = sqlite.prepare<[], OperationsTable>('select * from operations order by rowid');
  const records = sqlite.prepare<[number], AuditRecordsTable>(
    'select * from audit_records where sequence > ? order by sequence',
  );
  const budgets = sqlite.prepare<[], BudgetUsageTable>('select * from budget_usage where used <> 0');
  const stop = sqlite.prepare<[], { stopped: number }>('select stopped from emergency_stop');

  return {
    writer,
    begin: () => void begin.run(),
    end: (how) => void ends[how].run(),
    reader: (gate) => kyselyOver(sqlite, gate),
    committed: (after) => ({
      operations: operations.all(),
      records: records.all(after),
      budgets: budgets.all(),
      stopped: stop.get()?.stopped !== 0,
    }),
    reset() {
      if (sqlite.inTransaction) sqlite.exec('rollback');
      sqlite.exec(
        'delete from operations; delete from audit_records; delete from budget_usage; update emergency_stop set stopped = 0',
      );
    },
  };
}

/** Kysely on a connection whose transactions are begun and ended by whoever holds the database. */
function kyselyOver(sqlite: SqliteDatabase.Database, gate: (() => Promise<void>) | null): Kysely<Schema> {
  const connection = createConnection(sqlite, gate);
  const nothing = async (): Promise<void> => undefined;
  const driver: Driver = {
    init: nothing,
    acquireConnection: async () => connection,
    beginTransaction: nothing,
    commitTransaction: nothing,
    rollbackTransaction: nothing,
    releaseConnection: nothing,
    destroy: nothing,
  };
  return new Kysely<Schema>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => driver,
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });
}

const prepared = new WeakMap<SqliteDatabase.Database, Map<string, SqliteDatabase.Statement<unknown[]>>>();

function createConnection(
  sqlite: SqliteDatabase.Database,
  gate: (() => Promise<void>) | null,
): DatabaseConnection {
  const statements = prepared.get(sqlite) ?? new Map<string, SqliteDatabase.Statement<unknown[]>>();
  prepared.set(sqlite, statements);
  return {
    async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
      if (gate !== null) await gate();
      let statement = statements.get(sql);
      if (statement === undefined) {
        statement = sqlite.prepare<unknown[]>(sql);
        statements.set(sql, statement);
      }
      if (statement.reader) return { rows: statement.all(parameters) as R[] };
      const { changes } = statement.run(parameters);
      return { rows: [], numAffectedRows: BigInt(changes) };
    },
    streamQuery() {
      throw new Error('The simulation streams nothing.');
    },
  };
}
