import { channel } from 'node:diagnostics_channel';

/** Moments on the way of a deletion at which a process that ends must lose nothing; the crash tests end it there. */
export type FailPoint =
  | 'intent-before-commit'
  | 'intent-durable'
  | 'call-before-write'
  | 'call-answered'
  | 'outcome-before-commit'
  | 'outcome-durable'
  | 'answer-before-send'
  | 'recovery-claimed'
  | 'recovery-decided'
  | 'recovery-before-send'
  | 'recovery-answered'
  | 'recovery-recorded';

const failPoints = channel('portcullis:fail-point');

/** Names a moment to whoever subscribed within this process; nobody does outside tests, and nothing can from without. */
export function failPoint(name: FailPoint): void {
  if (failPoints.hasSubscribers) failPoints.publish(name);
}
