import type { BudgetUsageTable, OperationsTable } from '../../src/storage/schema.ts';

/** What the budgets must hold: every operation that did not fail, once in each scope, in the minute that it began. */
export function budgetsThatDiffer(
  operations: readonly OperationsTable[],
  budgets: readonly BudgetUsageTable[],
): string[] {
  const expected = new Map<string, number>();
  const add = (scope: string, key: string, at: number) => {
    const name = `${scope} ${key} ${Math.floor(at / 60_000)}`;
    expected.set(name, (expected.get(name) ?? 0) + 1);
  };
  for (const row of operations) {
    if (row.state === 'failed') continue;
    add('principal', JSON.stringify([row.principal_issuer, row.principal_subject]), row.created_at);
    add('tenant', row.tenant ?? '', row.created_at);
    add('region', row.region_id, row.created_at);
    add('all', '', row.created_at);
  }
  const broken: string[] = [];
  for (const { scope, key, minute, used } of budgets) {
    const name = `${scope} ${key} ${minute}`;
    if (expected.get(name) !== used)
      broken.push(
        `The budget ${name} counts ${used}, and ${expected.get(name) ?? 0} were begun and did not fail.`,
      );
    expected.delete(name);
  }
  for (const [name, count] of expected)
    broken.push(`The budget ${name} counts nothing, and ${count} were begun.`);
  return broken;
}
