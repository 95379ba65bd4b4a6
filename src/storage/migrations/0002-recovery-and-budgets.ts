import { type Kysely, sql } from 'kysely';

/**
 * Leases with fencing tokens, the trusted life of ClientTokens, the history of operations, budgets and the emergency
 * stop. Operations from before have a ClientToken that is no longer trusted: they are only looked at.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  const zero = ['decided_at', 'token_trusted_until', 'lease_until', 'fence', 'rounds', 'next_look_at'];
  for (const column of zero) {
    await db.schema
      .alterTable('operations')
      .addColumn(column, 'bigint', (c) => c.notNull().defaultTo(0))
      .execute();
  }
  for (const column of ['principal_json', 'tenant', 'lease_holder']) {
    await db.schema.alterTable('operations').addColumn(column, 'text').execute();
  }
  await db.schema
    .alterTable('operations')
    .addColumn('history', 'text', (c) => c.notNull().defaultTo(''))
    .execute();

  await db.schema.dropIndex('operations_to_follow').execute();
  await sql`create index operations_due on operations (next_look_at)
    where state in ('pending', 'sending', 'unknown', 'accepted', 'needs_attention')`.execute(db);
  await sql`create index operations_by_caller on operations (principal_issuer, principal_subject, created_at)`.execute(
    db,
  );
  await sql`create index operations_by_time on operations (created_at)`.execute(db);
  await sql`create index operations_keys_by_time on operations (created_at) where idempotency_key is not null`.execute(
    db,
  );

  await db.schema
    .createTable('budget_usage')
    .addColumn('scope', 'text', (c) => c.notNull())
    .addColumn('key', 'text', (c) => c.notNull())
    .addColumn('minute', 'bigint', (c) => c.notNull())
    .addColumn('used', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('budget_usage_pk', ['scope', 'key', 'minute'])
    .execute();

  await db.schema
    .createTable('emergency_stop')
    .addColumn('id', 'integer', (c) => c.primaryKey().check(sql`id = 1`))
    .addColumn('stopped', 'integer', (c) => c.notNull())
    .addColumn('reason', 'text')
    .addColumn('changed_by_issuer', 'text')
    .addColumn('changed_by_subject', 'text')
    .addColumn('changed_at', 'bigint')
    .execute();
  await sql`insert into emergency_stop (id, stopped) values (1, 0)`.execute(db);
}
