import { apiErrors } from './api-error.ts';

/** Signatures are good for this long, before and after the time that they state. */
const windowMs = 15 * 60_000;
/** One dated at the far end of the future is good for twice as long from now, so its nonce is remembered for that. */
const rememberMs = 2 * windowMs;
const maxNonces = 100_000;

/** Refuses a request whose time is out of the window or whose nonce was seen within it. Throws ApiError. */
export type ReplayWindow = (accessKeyId: string, nonce: string, timestamp: string) => void;

/** A window that starts empty. `now`: milliseconds since the epoch. Its memory is bounded: the oldest nonces go first. */
export function createReplayWindow(now: () => number): ReplayWindow {
  // In the order of their arrival, which is the order in which they expire.
  const seen = new Map<string, number>();
  return (accessKeyId, nonce, timestamp) => {
    const at = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/.test(timestamp) ? Date.parse(timestamp) : Number.NaN;
    if (Number.isNaN(at)) throw apiErrors.timestampInvalid();
    const nowMs = now();
    if (Math.abs(nowMs - at) > windowMs) throw apiErrors.timestampExpired();
    for (const [old, seenAtMs] of seen) {
      if (seenAtMs >= nowMs - rememberMs && seen.size < maxNonces) break;
      seen.delete(old);
    }
    const name = `${accessKeyId}\n${nonce}`;
    if (seen.has(name)) throw apiErrors.nonceUsed();
    seen.set(name, nowMs);
  };
}
