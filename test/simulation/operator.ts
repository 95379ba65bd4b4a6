import { randomUUID } from 'node:crypto';
import { createAuditLog } from '../../src/audit/log.ts';
import { createEmergencyStop } from '../../src/ledger/emergency-stop.ts';
import { issuer } from './callers.ts';
import { createProcess } from './process.ts';
import type { Scheduler } from './scheduler.ts';
import type { SharedStore } from './store.ts';

/** An operator, who has a process of their own, and tries until deletions are stopped, or resumed. */
export function createOperator(scheduler: Scheduler, shared: SharedStore): (stopped: boolean) => void {
  const process = createProcess(scheduler, 'OP');
  const store = shared.openFor(process);
  const stop = createEmergencyStop(store, createAuditLog(store, process.now), process.now);
  return function change(stopped: boolean): void {
    if (!process.isAlive()) return;
    const by = { issuer, subject: 'operator' };
    const origin = { requestId: randomUUID(), traceId: '0'.repeat(32), sourceAddress: '192.0.2.2' };
    void store
      .during({ name: 'stop', held: null }, () =>
        stop.change(
          { stopped, reason: 'simulated', by },
          { kind: 'administration', stage: 'request', result: stopped ? 'stopped' : 'resumed', origin },
        ),
      )
      .catch(() => void scheduler.after(1_000, () => change(stopped)));
  };
}
