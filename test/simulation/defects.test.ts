import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exploreInWorker } from './in-worker.ts';
import type { Replacement } from './worker.ts';

/** A defect that the code could have, and what the simulation must say of it. */
type Defect = { name: string; change: readonly Replacement[]; found: RegExp };

const ledger = 'src/ledger/ledger.ts';
const claims = 'src/ledger/claims.ts';
const recovery = 'src/guard/recovery.ts';
const reconsider = 'src/guard/reconsider.ts';
const permission = 'src/guard/send-permission.ts';
const firstMigration = 'src/storage/migrations/0001-operations-and-audit.ts';

const defects: readonly Defect[] = [
  {
    name: 'an outcome is recorded under a stale fence',
    change: [
      {
        file: ledger,
        find: ".where('fence', '=', held.fence)\n    .where('state', 'in', before)",
        replace: ".where('state', 'in', before)",
      },
    ],
    found: /under the fence/,
  },
  {
    name: 'recovery takes up what another process holds',
    change: [{ file: claims, find: ".where('lease_until', '<=', at)", replace: '' }],
    found: /before its lease was over/,
  },
  {
    name: 'taking up leaves the fence as it was',
    change: [{ file: claims, find: "fence: eb('fence', '+', 1)", replace: "fence: eb('fence', '+', 0)" }],
    found: /without a new fence/,
  },
  {
    name: 'a call is sent again with a new ClientToken',
    change: [
      {
        file: recovery,
        find: 'callSafely(deps.operation, held, ',
        replace: 'callSafely(deps.operation, { ...held, clientToken: deps.operation.newClientToken() }, ',
      },
    ],
    found: /with another ClientToken/,
  },
  {
    name: 'a call is sent again whatever the policy says',
    change: [
      {
        file: reconsider,
        find: 'judge(judged, policy.decision(input));',
        replace: 'policy.decision(input);',
      },
    ],
    found: /the policy did not allow it/,
  },
  {
    name: 'a call is sent again without a record of the decision',
    change: [{ file: claims, find: 'await audit.append(trx, record);', replace: '' }],
    found: /without a record of its decision \(recovery\)/,
  },
  {
    name: 'recovery concludes from a refusal that nothing was deleted',
    change: [
      {
        file: recovery,
        find: "if (outcome.state === 'failed' || outcome.state === 'unknown') {",
        replace: "if (outcome.state === 'unknown') {",
      },
      {
        file: 'src/ledger/states.ts',
        find: "unknown: ['accepted',",
        replace: "unknown: ['failed', 'accepted',",
      },
    ],
    found: /from unknown to failed|took effect after it had failed|have failed, and took effect/,
  },
  {
    name: 'a later refusal is believed though an attempt before it may have had an effect',
    change: [
      {
        file: 'src/operations/call-until-known.ts',
        find: 'if (doubt === null) return',
        replace: 'if (doubt === null || row.effect === "none") return',
      },
    ],
    found: /failed, and took effect|after it had failed/,
  },
  {
    name: 'nobody asks for leave just before sending',
    change: [{ file: permission, find: 'holds: () =>', replace: 'holds: () => true ||' }],
    found: /after the decision|did not hold its lease|after its ClientToken was trusted/,
  },
  {
    name: 'a decision carries a call however old it is',
    change: [{ file: permission, find: '<= decisionHoldsMs', replace: '<= Infinity' }],
    found: /ms after the decision that allowed it/,
  },
  {
    name: 'the age of a decision is counted from when its facts had been read',
    change: [
      { file: 'src/guard/delete.ts', find: 'const decidedAt = now();', replace: 'let decidedAt = now();' },
      { file: 'src/guard/delete.ts', find: "trail.stage = 'decision';", replace: 'decidedAt = now();' },
    ],
    found: /on facts that were/,
  },
  {
    name: 'attempts go on without renewing the lease',
    change: [
      {
        file: permission,
        find: 'const renewed = await ledger.renew(operation).catch(() => null);',
        replace: 'const renewed = leaseUntil;',
      },
    ],
    found: /without leave for this attempt/,
  },
  {
    name: 'a ClientToken is trusted for ever',
    change: [
      {
        file: ledger,
        find: 'tokenTrustedUntil: at + clientTokenTrustMs',
        replace: 'tokenTrustedUntil: at + 1e12',
      },
    ],
    found: /trusted for longer than set/,
  },
  {
    name: 'a call is sent again when its ClientToken is no longer trusted',
    change: [
      { file: permission, find: ' && now() < operation.tokenTrustedUntil', replace: '' },
      { file: recovery, find: 'if (now() < held.tokenTrustedUntil) {', replace: 'if (true) {' },
      { file: claims, find: ".where('token_trusted_until', '>', at)", replace: '' },
    ],
    found: /old ClientToken|after its ClientToken was trusted/,
  },
  {
    name: 'two deletions of a gateway may be under way',
    change: [
      {
        file: firstMigration,
        find: 'create unique index operations_one_unfinished',
        replace: 'create index operations_one_unfinished',
      },
    ],
    found: /began while op\d+ of the same gateway/,
  },
  {
    name: 'two requests with one Idempotency-Key each begin',
    change: [
      {
        file: firstMigration,
        find: 'create unique index operations_idempotency',
        replace: 'create index operations_idempotency',
      },
    ],
    found: /by one Idempotency-Key/,
  },
  {
    name: 'the Idempotency-Key is not looked up again once the facts are read',
    change: [
      {
        file: 'src/guard/delete.ts',
        find: 'const meanwhile = await replay();',
        replace: 'const meanwhile = null as Awaited<ReturnType<typeof replay>>;',
      },
    ],
    found: /its Idempotency-Key stands for its deletion/,
  },
  {
    name: 'the emergency stop does not reach intents',
    change: [
      {
        file: ledger,
        find: 'await refuseWhileStopped(trx);\n      // By this',
        replace: '// By this',
      },
    ],
    found: /began while deletions were stopped/,
  },
  {
    name: 'the emergency stop does not reach further attempts',
    change: [
      {
        file: ledger,
        find: 'await refuseWhileStopped(trx);\n          const leaseUntil',
        replace: 'const leaseUntil',
      },
    ],
    found: /Leave to send .* while deletions were stopped/,
  },
  {
    name: 'the emergency stop does not reach recovery',
    change: [
      { file: reconsider, find: 'await ledger.refuseWhileStopped();', replace: '' },
      { file: claims, find: 'await refuseWhileStopped(trx);', replace: '' },
    ],
    found: /Leave to send .* while deletions were stopped/,
  },
  {
    name: 'the call is made before the intent is durable',
    change: [
      {
        file: ledger,
        find: 'const begun = await store.transact(async (trx) => {',
        replace: 'const begun = await early(store, async (trx) => {',
      },
      {
        file: ledger,
        find: 'export function createLedger(',
        replace: `function early(store: Store, work: Parameters<Store['transact']>[0]): Promise<any> {
  return new Promise((resolve, reject) => {
    store.transact(async (trx) => resolve(await work(trx))).catch(reject);
  });
}
export function createLedger(`,
      },
    ],
    found: /before its intent was durable/,
  },
  {
    name: 'an outcome is recorded without its audit record',
    change: [
      {
        file: ledger,
        find: "await audit.append(trx, record);\n        failPoint('outcome-before-commit');",
        replace: '',
      },
    ],
    found: /without a record/,
  },
  {
    name: 'a failed deletion keeps its place in the budgets',
    change: [
      {
        file: ledger,
        find: "if (operation.state === 'failed') await giveBack",
        replace: 'if (false) await giveBack',
      },
    ],
    found: /The budget/,
  },
  {
    name: 'budgets are counted and not enforced',
    change: [
      { file: 'src/ledger/budgets.ts', find: 'if (exhausted.length > 0) throw', replace: 'if (false) throw' },
    ],
    found: /within an hour/,
  },
  {
    name: 'a gateway that cannot be looked at is said to be gone',
    change: [
      {
        file: 'src/operations/look.ts',
        find: "if (reply.kind !== 'refused' || reply.code !== gatewayNotFound) return 'unreadable';",
        replace: "if (reply.kind !== 'refused' || reply.code !== gatewayNotFound) return 'gone';",
      },
    ],
    found: /is said to be gone/,
  },
  {
    name: 'recovery waits for ever',
    change: [{ file: recovery, find: 'held.rounds >= settings.maxRounds', replace: 'false' }],
    found: /after all trouble/,
  },
];

const seeds = 5_000;

for (const { name, change, found } of defects) {
  test(`it is found out that ${name}`, async (t) => {
    const { tally, finding } = await exploreInWorker({
      exploration: { seed: 7, seeds, path: null, shrinks: false },
      replacements: change,
    });
    assert.ok(finding !== null, `Not found in ${tally.runs} runs.`);
    t.diagnostic(`found in run ${tally.runs}`);
    assert.match(finding.violations.join('\n'), found);
  });
}
