import type { Problem, UpstreamReport } from '../errors.ts';
import type { Target } from './request.ts';

/** What became of a call, over all its attempts with one ClientToken. */
export type CallOutcome =
  /** The cloud took the request: it said so, or a look after an ambiguous attempt shows it at work. */
  | { kind: 'accepted'; requestId: string | null; attempts: number }
  /** The resource is proven to be gone after an ambiguous attempt. */
  | { kind: 'gone'; requestId: string | null; attempts: number }
  /** Certainly no effect. */
  | { kind: 'failed'; problem: Problem; attempts: number }
  /** It may have had an effect, and a look could not tell. */
  | { kind: 'unknown'; upstream: UpstreamReport | null; reason: string; attempts: number };

/** Leave to send, which can end: a lease runs out, a token is no longer trusted, an operator stops everything. */
export type SendPermission = {
  /** Asked just before anything leaves. */
  holds: () => boolean;
  /** Asked before every further attempt; never rejects. False: there must be none. */
  renew: () => Promise<boolean>;
};

/** What a look at the cloud shows of a resource; `unreadable` says nothing about it. */
export type Look = 'gone' | 'deleting' | 'present' | 'unreadable';

/** A guarded operation of the cloud, as the guard needs it. */
export type CloudOperation = {
  /** The cloud's own name of the call. */
  readonly action: string;
  readonly resourceType: string;
  /** A new ClientToken; at most 64 ASCII characters, never the same twice. */
  newClientToken(): string;
  /** Reads what stands there. Throws a Problem when it cannot, GATEWAY_NOT_FOUND when nothing does. */
  readFacts(target: Target): Promise<unknown>;
  /** Makes the call, with this token on every attempt and only while permitted. Resolves whatever the cloud does. */
  call(target: Target, clientToken: string, permission: SendPermission): Promise<CallOutcome>;
  look(target: Target): Promise<Look>;
};
