import { LRUCache } from 'lru-cache';
import { Problem } from '../errors.ts';
import { sourceGroup } from './source-group.ts';

/** Counts failed authentications by source, so that guessing gets slow and a flood costs no signature work. */
export type FailureLimiter = {
  /** Throws Problem TOO_MANY_FAILED_AUTHENTICATIONS where the source has failed too often within the minute. */
  refuseIfOver(source: string): void;
  failed(source: string): void;
};

const windowMs = 60_000;

/** `sources`: how many are remembered; the one longest quiet is forgotten first. */
export function createFailureLimiter(deps: {
  failuresPerMinute: number;
  sources: number;
  now: () => number;
}): FailureLimiter {
  const failures = new LRUCache<string, { count: number; sinceMs: number }>({ max: deps.sources });

  function open(group: string) {
    const window = failures.get(group);
    const age = window === undefined ? -1 : deps.now() - window.sinceMs;
    return age >= 0 && age < windowMs ? window : undefined;
  }

  return {
    refuseIfOver(source) {
      const window = open(sourceGroup(source));
      if (window === undefined || window.count < deps.failuresPerMinute) return;
      throw new Problem(
        'TOO_MANY_FAILED_AUTHENTICATIONS',
        'Too many requests from your address carried no valid token. Stop sending that token, get a valid one, and wait as long as Retry-After says.',
        { retryAfterMs: window.sinceMs + windowMs - deps.now() },
      );
    },
    failed(source) {
      const group = sourceGroup(source);
      const window = open(group);
      if (window === undefined) failures.set(group, { count: 1, sinceMs: deps.now() });
      else window.count += 1;
    },
  };
}
