import { type Kysely, PostgresAdapter, sql } from 'kysely';

/** Operations with their intents, and the audit records, in one database so that one transaction covers both. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const postgresql = db.getExecutor().adapter instanceof PostgresAdapter;
  await db.schema
    .createTable('operations')
    .addColumn('operation_id', 'text', (c) => c.primaryKey())
    .addColumn('account_id', 'text', (c) => c.notNull())
    .addColumn('action', 'text', (c) => c.notNull())
    .addColumn('resource_type', 'text', (c) => c.notNull())
    .addColumn('region_id', 'text', (c) => c.notNull())
    .addColumn('resource_id', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('client_token', 'text', (c) => c.notNull().unique())
    .addColumn('reason', 'text')
    .addColumn('ticket', 'text')
    .addColumn('principal_issuer', 'text', (c) => c.notNull())
    .addColumn('principal_subject', 'text', (c) => c.notNull())
    .addColumn('request_id', 'text', (c) => c.notNull())
    .addColumn('decision_id', 'text', (c) => c.notNull())
    .addColumn('policy_revision', 'text', (c) => c.notNull())
    .addColumn('policy_input_json', 'text', (c) => c.notNull())
    .addColumn('idempotency_key', 'text')
    .addColumn('fingerprint', 'text', (c) => c.notNull())
    .addColumn('upstream_request_id', 'text')
    .addColumn('upstream_code', 'text')
    .addColumn('problem_json', 'text')
    .addColumn('attempts', 'integer', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .execute();

  // At most one deletion of a gateway is under way: two intents that race are told apart by the database. An accepted
  // one still is: who read the facts before it was accepted must not send another on the strength of them.
  await sql`create unique index operations_one_unfinished on operations (account_id, region_id, resource_id)
    where state in ('pending', 'sending', 'unknown', 'accepted')`.execute(db);
  await sql`create unique index operations_idempotency on operations
    (principal_issuer, principal_subject, idempotency_key) where idempotency_key is not null`.execute(db);
  await sql`create index operations_to_follow on operations (updated_at)
    where state in ('pending', 'sending', 'unknown', 'accepted', 'needs_attention')`.execute(db);

  await db.schema
    .createTable('audit_records')
    .addColumn('sequence', postgresql ? 'bigserial' : 'integer', (c) =>
      postgresql ? c.primaryKey() : c.primaryKey().autoIncrement(),
    )
    .addColumn('record_id', 'text', (c) => c.notNull().unique())
    .addColumn('recorded_at', 'bigint', (c) => c.notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('request_id', 'text', (c) => c.notNull())
    .addColumn('operation_id', 'text')
    .addColumn('issuer', 'text')
    .addColumn('subject', 'text')
    .addColumn('region_id', 'text')
    .addColumn('resource_id', 'text')
    .addColumn('result', 'text', (c) => c.notNull())
    .addColumn('code', 'text')
    .addColumn('record_json', 'text', (c) => c.notNull())
    .execute();
  await db.schema.createIndex('audit_records_operation').on('audit_records').column('operation_id').execute();
  // Entries are only ever appended, whoever holds the connection.
  if (postgresql) {
    await sql`create function audit_records_refuse() returns trigger language plpgsql as
      $$ begin raise exception 'audit records are append-only'; end $$`.execute(db);
    await sql`create trigger audit_records_append_only before update or delete or truncate on audit_records
      for each statement execute function audit_records_refuse()`.execute(db);
  } else {
    await sql`create trigger audit_records_no_update before update on audit_records
      begin select raise(abort, 'audit records are append-only'); end`.execute(db);
    await sql`create trigger audit_records_no_delete before delete on audit_records
      begin select raise(abort, 'audit records are append-only'); end`.execute(db);
  }
}
