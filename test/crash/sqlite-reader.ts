import { existsSync } from 'node:fs';
import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import {
  countRow,
  type LedgerReader,
  operationRow,
  queries,
  readWitness,
  recordRow,
} from './ledger-reader.ts';

const sql = queries((column, name) => `json_extract(${column}, '$.${name}')`, '?');
/** While a gateway that starts repairs what a killed one left, the database is locked. */
const lockWaitMs = 2_000;

/** Reads the SQLite database of a state directory; it is opened once a gateway has made it. */
export function sqliteReader(stateDir: string): LedgerReader {
  const file = join(stateDir, 'portcullis.db');
  let opened: SqliteDatabase.Database | null = null;
  const database = () => {
    opened ??= new SqliteDatabase(file, { readonly: true, fileMustExist: true, timeout: lockWaitMs });
    return opened;
  };
  const rows = (query: string) => (existsSync(file) ? database().prepare(query).all() : []);
  return {
    witness(clientToken) {
      try {
        return readWitness(database().prepare(sql.witness).get(clientToken));
      } catch (error) {
        if (error instanceof SqliteDatabase.SqliteError && error.code.startsWith('SQLITE_BUSY')) {
          return { kind: 'unavailable' };
        }
        throw error;
      }
    },
    async ledger() {
      const read = () => ({
        operations: operationRow.array().parse(rows(sql.operations)),
        records: recordRow.array().parse(rows(sql.records)),
      });
      return existsSync(file) ? database().transaction(read)() : { operations: [], records: [] };
    },
    countUnfinished: async () => countRow.parse(rows(sql.unfinished)[0] ?? { count: 0 }),
    async [Symbol.asyncDispose]() {
      opened?.close();
    },
  };
}
