import { z } from 'zod';
import { Problem } from '../errors.ts';
import type { CredentialSource } from './credentials.ts';
import { classRow } from './errors.ts';
import { read } from './read.ts';
import type { Rpc } from './reply.ts';
import type { Pace } from './retry.ts';
import { problemOf, reportOf } from './verdict.ts';

/**
 * The account that the cloud itself names for the credentials in use, asked in `regionId`. Throws Problem
 * UPSTREAM_*, CREDENTIALS_UNAVAILABLE or SHUTTING_DOWN when it cannot be had; it is never taken from configuration.
 */
export type Account = (regionId: string) => Promise<string>;

export type AccountSettings = {
  /** Milliseconds that an answer is believed, for the same access key. */
  ttlMs: number;
  /** Milliseconds that asking may take, all attempts together. */
  budgetMs: number;
};

const identity = z.object({ AccountId: z.string().regex(/^\d{1,32}$/) });

const call = { service: 'Sts', action: 'GetCallerIdentity', version: '2015-04-01' } as const;

/**
 * STS GetCallerIdentity, remembered by access key: other credentials, the renewed ones of a role among them, are asked
 * about anew. Requests that come meanwhile share one question, so no single request's signal may end it; `signal` is
 * that of the instance.
 */
export function createAccount(
  deps: { rpc: Rpc; credentials: CredentialSource; pace: Pace; signal: AbortSignal },
  settings: AccountSettings,
): Account {
  const { rpc, credentials, pace, signal } = deps;
  let known: { accessKeyId: string; accountId: string; untilMs: number } | null = null;
  let flight: { accessKeyId: string; answer: Promise<string> } | null = null;

  async function ask(regionId: string): Promise<string> {
    const deadlineMs = pace.now() + settings.budgetMs;
    const result = await read({ rpc, pace }, { ...call, regionId, parameters: {}, signal, deadlineMs });
    if (!result.ok) throw problemOf(result.row, call, result.reply);
    const parsed = identity.safeParse(result.reply.body);
    if (parsed.success) return parsed.data.AccountId;
    const upstream = reportOf(call, result.reply);
    throw new Problem(
      'UPSTREAM_UNINTELLIGIBLE',
      `The cloud did not name the account of Portcullis's credentials. Nothing was deleted. ${classRow('unreadable').remedy}`,
      upstream === null ? {} : { upstream },
    );
  }

  return async (regionId) => {
    const accessKeyId = await keyInUse(credentials);
    if (known !== null && known.accessKeyId === accessKeyId && pace.now() < known.untilMs) {
      return known.accountId;
    }
    if (flight?.accessKeyId === accessKeyId) return flight.answer;
    const answer = ask(regionId);
    const mine = { accessKeyId, answer };
    flight = mine;
    try {
      const accountId = await answer;
      known = { accessKeyId, accountId, untilMs: pace.now() + settings.ttlMs };
      return accountId;
    } finally {
      if (flight === mine) flight = null;
    }
  };
}

async function keyInUse(credentials: CredentialSource): Promise<string> {
  try {
    return (await credentials()).accessKeyId;
  } catch (error) {
    const cause = error instanceof Error ? error.name : 'unknown error';
    throw problemOf(classRow('credentials_unavailable'), call, {
      kind: 'not_sent',
      reason: 'credentials_unavailable',
      cause,
    });
  }
}
