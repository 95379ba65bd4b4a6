import { createAuditLog } from '../../src/audit/log.ts';
import type { Violation } from '../../src/errors.ts';
import { createCallsUnderWay } from '../../src/guard/calls-under-way.ts';
import type { Guard } from '../../src/guard/delete.ts';
import { createRecovery, type Recovery } from '../../src/guard/recovery.ts';
import { type Claims, createClaims } from '../../src/ledger/claims.ts';
import { createLedger, type Held, type Ledger, type LedgerSettings } from '../../src/ledger/ledger.ts';
import { createDeleteEnhancedVpnGateway } from '../../src/operations/delete-enhanced-vpn-gateway.ts';
import type { EnhancedVpnGatewayFacts } from '../../src/operations/facts.ts';
import type { PolicyResult } from '../../src/policy/decision.ts';
import type { DecisionInput } from '../../src/policy/input.ts';
import type { Rpc } from '../../src/upstream/reply.ts';
import type { Pace } from '../../src/upstream/retry.ts';
import type { Choices } from './choices.ts';
import type { Observer } from './observer.ts';
import type { Process } from './process.ts';
import type { Scheduler } from './scheduler.ts';
import type { ProcessStore, SharedStore } from './store.ts';

export const accountId = '1234567890123456';

/** What the live policy says at the moment. */
export type PolicySwitch = { allow: boolean; hourlyLimit: number | null };

/** Portcullis as one process runs it: the real guard, ledger and recovery. */
export type SimulatedGateway = { guard: Guard; claims: Claims; recovery: Recovery };

type Deps = {
  scheduler: Scheduler;
  process: Process;
  store: SharedStore;
  rpc: Rpc;
  observer: Observer;
  choices: Choices;
  policy: PolicySwitch;
  settings: Omit<LedgerSettings, 'instance'> & { attentionAfterMs: number };
};

export function createSimulatedGateway(deps: Deps): SimulatedGateway {
  const { scheduler, process, rpc, observer, choices, settings } = deps;
  const { now } = process;
  const store = deps.store.openFor(process);
  const audit = createAuditLog(store, now);
  const ledgerSettings = { ...settings, instance: process.name };
  const ledger = namingLedger(store, createLedger(store, audit, ledgerSettings, now));
  const claims = namingClaims(store, createClaims(store, audit, ledgerSettings, now));
  const pace: Pace = {
    now,
    random: () => ((choices.below(256) + 128) % 256) / 256,
    sleep: (ms) => new Promise((resolve) => void scheduler.after(ms, () => process.deliver(resolve))),
  };
  const operation = createDeleteEnhancedVpnGateway(
    {
      rpc,
      pace,
      signal: new AbortController().signal,
      accountId,
      account: async () => accountId,
    },
    { factsBudgetMs: 12_000, callBudgetMs: 20_000, lookBudgetMs: 4_000 },
  );
  const guard: Guard = {
    accountId,
    operation,
    policy: createPolicy(deps.policy, observer),
    ledger,
    audit,
    underWay: createCallsUnderWay(),
    now,
  };
  const recovery = createRecovery({
    ...guard,
    claims,
    settings: {
      attentionAfterMs: settings.attentionAfterMs,
      lookEveryMs: 5_000,
      maxRounds: 6,
      maxResends: 2,
    },
    onError: () => undefined,
    onAttention: () => undefined,
    onStep: () => undefined,
  });
  return { guard, claims, recovery };
}

const refusal: Violation = {
  code: 'SIMULATED',
  rule: 'simulated',
  message: 'Not now.',
  remedy: 'Wait.',
  details: {},
  exclusive: false,
};

function createPolicy(live: PolicySwitch, observer: Observer): Guard['policy'] {
  const result = (allow: boolean): PolicyResult => ({
    allow,
    violations: allow ? [] : [refusal],
    obligations: [],
    limits: live.hourlyLimit === null ? [] : [{ scope: 'all', window: 'hour', limit: live.hourlyLimit }],
  });
  return {
    revision: 'simulated',
    digest: 'simulated',
    admission: () => result(true),
    decision(input: DecisionInput) {
      const { gateway, connections } = input.context.facts as EnhancedVpnGatewayFacts;
      const allow = live.allow && gateway.status === 'active' && connections.total === 0;
      observer.onDecision(input.resource.id, input.context.timeMs, {
        allow,
        hourlyLimit: live.hourlyLimit,
        observedAt: Number(gateway.name),
      });
      return result(allow);
    },
  };
}

/** The ledger, with a name for each of its transactions. */
function namingLedger(store: ProcessStore, ledger: Ledger): Ledger {
  return {
    ...ledger,
    begin: (...args) => store.during({ name: 'begin', held: null }, () => ledger.begin(...args)),
    renew: (held) => store.during({ name: 'renew', held: fenceOf(held) }, () => ledger.renew(held)),
    finish: (held, ...args) =>
      store.during({ name: 'finish', held: fenceOf(held) }, () => ledger.finish(held, ...args)),
  };
}

function namingClaims(store: ProcessStore, claims: Claims): Claims {
  return {
    claimDue: (limit) => store.during({ name: 'claim', held: null }, () => claims.claimDue(limit)),
    postpone: (held, ...args) =>
      store.during({ name: 'postpone', held: fenceOf(held) }, () => claims.postpone(held, ...args)),
    sendAgain: (held, ...args) =>
      store.during({ name: 'send-again', held: fenceOf(held) }, () => claims.sendAgain(held, ...args)),
    breakLeases: () => store.during({ name: 'break-leases', held: null }, () => claims.breakLeases()),
  };
}

function fenceOf({ operationId, fence }: Held): Held {
  return { operationId, fence };
}
