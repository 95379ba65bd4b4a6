import { OperatorError, Problem } from '../errors.ts';
import { type FetchLimits, fetchKeySet } from './fetch-jwks.ts';
import type { IssuerConfig } from './issuer-config.ts';
import { type KeySet, readKeySet } from './verification-key.ts';

export type KeyLimits = FetchLimits & {
  /** Milliseconds for which a fetched set is used without asking again. */
  freshMs: number;
  /** Milliseconds after which a set is used no more, however long the issuer stays unreachable. At least `freshMs`. */
  maxStaleMs: number;
  /** Milliseconds between two fetches for an unknown `kid`, and after a failed fetch. */
  coolDownMs: number;
};

/** The state of one issuer's keys, for `/readyz` and operators. */
export type KeyState = {
  issuer: string;
  /** `stale`: the issuer does not answer, the last known keys are used for a while. `missing`: none can be used. */
  state: 'fresh' | 'stale' | 'missing';
  usableKeys: number;
  /** What went wrong last, and keys that are not used; empty where all is well. */
  remarks: readonly string[];
};

/** The keys of one issuer. */
export type KeySource = {
  /** The keys to verify with now. Throws Problem KEYS_UNAVAILABLE. */
  current(): Promise<KeySet>;
  /** The keys after a token named one that is not in the set; asks the issuer at most once per cool-down. */
  afterUnknownKid(): Promise<KeySet>;
  state(): KeyState;
};

/** The source that `config.keys` asks for. `stop` ends its fetches. Throws an Error where static keys cannot be used. */
export function createKeySource(
  config: IssuerConfig,
  deps: { limits: KeyLimits; now: () => number; stop: AbortSignal },
): KeySource {
  return 'static' in config.keys
    ? staticKeys(config.issuer, config.keys.static)
    : remoteKeys(config.issuer, config.keys.jwksUrl, deps);
}

function staticKeys(issuer: string, jwks: readonly unknown[]): KeySource {
  const set = readKeySet(jwks);
  if (set.unused.length > 0) {
    throw new OperatorError(
      `The static keys of issuer ${JSON.stringify(issuer)} cannot be used. ${set.unused.join(' ')}`,
    );
  }
  return {
    current: async () => set,
    afterUnknownKid: async () => set,
    state: () => ({ issuer, state: 'fresh', usableKeys: set.keys.length, remarks: [] }),
  };
}

function remoteKeys(
  issuer: string,
  url: string,
  { limits, now, stop }: { limits: KeyLimits; now: () => number; stop: AbortSignal },
): KeySource {
  let loaded: { set: KeySet; atMs: number } | null = null;
  let lastAttempt: { atMs: number; error: unknown } | null = null;
  let inFlight: Promise<KeySet> | null = null;

  /** Single flight. A failed fetch changes nothing of what is known. */
  function refresh(): Promise<KeySet> {
    inFlight ??= fetchKeySet(url, limits, stop)
      .then(
        (set) => {
          loaded = { set, atMs: now() };
          lastAttempt = { atMs: loaded.atMs, error: null };
          return set;
        },
        (error: unknown) => {
          lastAttempt = { atMs: now(), error: error ?? new Error('The fetch failed.') };
          throw unavailable(error);
        },
      )
      .finally(() => {
        inFlight = null;
      });
    return inFlight;
  }

  function unavailable(cause: unknown): Problem {
    return new Problem(
      'KEYS_UNAVAILABLE',
      "The keys of your token's issuer cannot be fetched, so the token could not be checked and nothing was done. Send the request again later.",
      { retryAfterMs: Math.max(1_000, coolDownLeft()), cause },
    );
  }

  /** A clock that went backwards must neither keep keys alive nor hold off a fetch. */
  function isWithin(atMs: number, durationMs: number): boolean {
    const age = now() - atMs;
    return age >= 0 && age < durationMs;
  }

  function coolDownLeft(): number {
    if (lastAttempt === null || !isWithin(lastAttempt.atMs, limits.coolDownMs)) return 0;
    return lastAttempt.atMs + limits.coolDownMs - now();
  }

  function usable(withinMs: number): KeySet | null {
    return loaded !== null && isWithin(loaded.atMs, withinMs) ? loaded.set : null;
  }

  return {
    async current() {
      const fresh = usable(limits.freshMs);
      if (fresh !== null) return fresh;
      const stale = usable(limits.maxStaleMs);
      const lastFailed = lastAttempt !== null && lastAttempt.error !== null;
      if (lastFailed && coolDownLeft() > 0 && inFlight === null) {
        if (stale !== null) return stale;
        throw unavailable(lastAttempt?.error);
      }
      if (stale !== null && lastFailed) {
        // The issuer is known not to answer: nobody waits for it again while the old keys still serve.
        refresh().catch(() => {});
        return stale;
      }
      return refresh().catch((error: unknown) => {
        if (stale !== null) return stale;
        throw error;
      });
    },
    async afterUnknownKid() {
      if (inFlight === null && coolDownLeft() > 0) {
        if (lastAttempt !== null && lastAttempt.error !== null) throw unavailable(lastAttempt.error);
        if (loaded !== null) return loaded.set;
      }
      return refresh();
    },
    state() {
      const set = usable(limits.maxStaleMs);
      const state = set === null ? 'missing' : usable(limits.freshMs) === null ? 'stale' : 'fresh';
      const failure = lastAttempt?.error;
      return {
        issuer,
        state,
        usableKeys: set?.keys.filter((key) => key.algorithms.size > 0).length ?? 0,
        remarks: [...(failure == null ? [] : [describe(failure)]), ...(set?.unused ?? [])],
      };
    },
  };
}

/** `fetch` hides what happened in its cause. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
