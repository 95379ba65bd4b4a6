import type { Replacement } from './instance.ts';
import type { ScenarioName } from './scenarios.ts';

/** A defect that a change could bring in, the course of events that shows it, and what the checker says of it. */
export type Defect = {
  name: string;
  changes: readonly Replacement[];
  scenario: ScenarioName;
  found: RegExp;
};

const plain: ScenarioName = 'one deletion, its gateway killed afterwards';
const unsent: ScenarioName = 'killed before anything was sent';

const ledger = 'src/ledger/ledger.ts';
const claims = 'src/ledger/claims.ts';
const recovery = 'src/guard/recovery.ts';
const reconsider = 'src/guard/reconsider.ts';
const carryOut = 'src/guard/carry-out.ts';

const call = 'const result = await callSafely(deps.operation, begun, sendPermission(deps, begun));';
const resend = 'const result = await callSafely(deps.operation, held, sendPermission(deps, held));';

export const defects: readonly Defect[] = [
  {
    name: 'SQLite does not wait for the disk',
    changes: [
      { file: 'src/storage/sqlite.ts', find: "'synchronous = FULL'", replace: "'synchronous = OFF'" },
    ],
    scenario: 'one deletion under strace',
    found: /^The deletion left before/,
  },
  {
    name: 'PostgreSQL answers before a commit is on the disk',
    changes: [
      {
        file: 'src/storage/postgresql.ts',
        find: 'set synchronous_commit = on',
        replace: 'set synchronous_commit = off',
      },
    ],
    scenario: 'PostgreSQL killed as soon as a deletion took effect',
    found: /took effect and is unknown to the ledger/,
  },
  {
    name: 'a group commit tells of its works before it is durable',
    changes: [
      {
        file: 'src/storage/group-commit.ts',
        find: 'return () => resolve(value);',
        replace: 'resolve(value); return () => undefined;',
      },
    ],
    scenario: 'a disk that fails every sync',
    found: /arrived before its intent was durable/,
  },
  {
    name: 'a new ClientToken on a retry',
    changes: [
      {
        file: 'src/operations/call-until-known.ts',
        find: 'mayLeave: permission.holds,',
        replace:
          "mayLeave: permission.holds, parameters: turn === 1 ? call.parameters : { ...call.parameters, ClientToken: 'pc-another' },",
      },
    ],
    scenario: 'a call that the cloud answers at the second attempt only',
    found: /took effect and is unknown to the ledger/,
  },
  {
    name: 'a new ClientToken in recovery',
    changes: [
      {
        file: recovery,
        find: resend,
        replace: resend.replace('held,', "{ ...held, clientToken: 'pc-another' },"),
      },
    ],
    scenario: unsent,
    found: /took effect and is unknown to the ledger/,
  },
  {
    name: 'the call before the intent',
    changes: [
      {
        file: 'src/guard/delete.ts',
        find: 'const clientToken = operation.newClientToken();',
        replace:
          'const clientToken = operation.newClientToken(); await operation.call(asked.target, clientToken, { holds: () => true, renew: async () => true });',
      },
    ],
    scenario: plain,
    found: /arrived before its intent was durable/,
  },
  {
    name: 'the outcome before the call',
    changes: [
      {
        file: carryOut,
        find: call,
        replace: `const early = { kind: 'accepted', requestId: null, attempts: 1 } as const; await recordOutcome(deps, asked, begun, early, outcomeOf(early)); ${call}`,
      },
    ],
    scenario: plain,
    found: /arrived when the operation was accepted/,
  },
  {
    name: 'an unknown outcome is recorded as failed',
    changes: [{ file: 'src/guard/call-outcome.ts', find: "state: 'unknown',", replace: "state: 'failed'," }],
    scenario: 'a call that took effect, and was never answered',
    found: /took effect, and the ledger says it failed/,
  },
  {
    name: 'the idempotency key is ignored',
    changes: [
      {
        file: 'src/guard/delete.ts',
        find: 'if (asked.idempotencyKey === null || asked.validateOnly) return null;',
        replace: 'return null;',
      },
    ],
    scenario: 'a key that is sent again when all is over',
    found: /had been told more/,
  },
  {
    name: 'no index keeps two deletions of a gateway apart',
    changes: [
      {
        file: 'src/storage/migrations/0001-operations-and-audit.ts',
        find: 'create unique index operations_one_unfinished',
        replace: 'create index operations_one_unfinished',
      },
    ],
    scenario: 'two callers at the same gateway',
    found: /began while .* deleted the same gateway/,
  },
  {
    name: 'the decision is not recorded',
    changes: [
      {
        file: ledger,
        find: "await audit.append(trx, record);\n      failPoint('intent-before-commit');",
        replace: '',
      },
    ],
    scenario: plain,
    found: /arrived before its decision was recorded/,
  },
  {
    name: 'the outcome is not recorded',
    changes: [
      {
        file: ledger,
        find: "await audit.append(trx, record);\n        failPoint('outcome-before-commit');",
        replace: '',
      },
    ],
    scenario: plain,
    found: /without a record of it/,
  },
  {
    name: 'recovery sends on the facts of old',
    changes: [
      {
        file: reconsider,
        find: 'await deps.operation.readFacts({ regionId, resourceId });',
        replace: '(JSON.parse(held.policyInputJson) as DecisionInput).context.facts;',
      },
    ],
    scenario: unsent,
    found: /was sent without DescribeVpnConnections/,
  },
  {
    name: 'recovery does not ask policy',
    changes: [{ file: reconsider, find: 'judge(judged, policy.decision(input));', replace: '' }],
    scenario: 'killed before anything was sent, and protected since',
    found: /arrived although policy protects the gateway/,
  },
  {
    name: 'recovery does not record its decision',
    changes: [
      {
        file: claims,
        find: 'await audit.append(trx, record);',
        replace: '',
      },
    ],
    scenario: unsent,
    found: /rests on 0 decisions of recovery/,
  },
  {
    name: 'recovery sends a token that is too old',
    changes: [
      { file: recovery, find: 'if (now() < held.tokenTrustedUntil) {', replace: '{' },
      { file: recovery, find: '} else {\n        refusal =', replace: '}\n {  refusal =' },
      { file: claims, find: ".where('token_trusted_until', '>', at)", replace: '' },
      {
        file: 'src/guard/send-permission.ts',
        find: 'now() < leaseUntil && now() < operation.tokenTrustedUntil',
        replace: 'now() < leaseUntil',
      },
    ],
    scenario: 'killed before anything was sent, for longer than the token is trusted',
    found: /after its token was trusted/,
  },
  {
    name: 'recovery does not heed the emergency stop',
    changes: [
      { file: reconsider, find: 'await ledger.refuseWhileStopped();', replace: '' },
      { file: claims, find: 'await refuseWhileStopped(trx);', replace: '' },
    ],
    scenario: 'deletions stopped during a call, and its gateway killed',
    found: /arrived although deletions were stopped/,
  },
  {
    name: 'recovery does not wait for the end of a lease',
    changes: [{ file: claims, find: ".where('lease_until', '<=', at)", replace: '' }],
    scenario: 'a call under way in one of two processes',
    found: /before its lease ended/,
  },
  {
    name: 'an outcome is recorded whatever the fence says',
    changes: [
      {
        file: ledger,
        find: ".where('fence', '=', held.fence)\n    .where('state', 'in', before)",
        replace: ".where('state', 'in', before)",
      },
    ],
    scenario: 'a process that is paused in its call, and wakes when another has taken over',
    found: /by the process that recovery had taken it from/,
  },
];
