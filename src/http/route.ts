import type { Request, Response } from 'express';
import type { Principal } from '../auth/principal.ts';
import type { Exchange } from './exchange.ts';

/**
 * One route. `access` is required: a route is public only by saying so, and whatever lies under `/v1` cannot be.
 * Paths are written as in openapi.yaml, with `{parameters}`.
 */
export type Route = PublicRoute | GuardedRoute;

export type PublicRoute = {
  method: 'get';
  path: string;
  access: 'public';
  handle(req: Request, res: Response): Promise<void> | void;
};

export type GuardedRoute = {
  method: 'get' | 'delete' | 'post';
  path: `/v1/${string}`;
  /** Any authenticated caller, or only one with that role. */
  access: 'authenticated' | { role: string };
  handle(call: AuthenticatedCall, res: Response): Promise<void>;
};

export type AuthenticatedCall = {
  req: Request;
  /** Path parameters, decoded. */
  params: Readonly<Record<string, string>>;
  principal: Principal;
  exchange: Exchange;
};
