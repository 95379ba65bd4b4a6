import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { type Action, actions } from './actions.ts';
import { ApiError, apiErrors } from './api-error.ts';
import type { ClientTokens } from './client-tokens.ts';
import type { Cloud } from './cloud.ts';
import type { Fault, Faults } from './faults.ts';
import type { Journal, JournalEntry } from './journal.ts';
import type { ReplayWindow } from './replay-window.ts';
import { errorReply, faultReply, jsonReply, type Reply, writeReply } from './reply.ts';
import { type RpcRequest, readRpcRequest } from './rpc-request.ts';
import { type FindKey, type Signed, signatureForm, verifySignature } from './signature.ts';

/** All that a call may meet. */
export type World = {
  /** Milliseconds since the epoch. */
  now: () => number;
  findKey: FindKey;
  cloud: Cloud;
  journal: Journal;
  faults: Faults;
  tokens: ClientTokens;
  replayWindow: ReplayWindow;
  /** Aborts when the emulator ends: calls that are being delayed then end without effect or answer. */
  signal: AbortSignal;
};

type Entry = Omit<JournalEntry, 'sequence'>;

/**
 * Answers one call and enters it in the journal. Rejects when the connection broke before the whole request was there,
 * or when the emulator ends meanwhile; then nothing took effect.
 */
export async function answerCall(world: World, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const requestId = randomUUID().toUpperCase();
  const request = await readRpcRequest(req).catch(apiErrorOnly);
  const entry = newEntry(requestId);
  let fault: Fault | null = null;
  let reply: Reply;
  try {
    if (request instanceof ApiError) throw request;
    const { action, name } = actionOf(request);
    entry.action = name;
    const signed = verifySignature(request, world.findKey);
    world.replayWindow(signed.key.accessKeyId, signed.nonce, signed.timestamp);
    fault = meetFault(world, request, signed, action, entry);
    if (fault?.kind === 'latency' && fault.when === 'before') {
      await delay(fault.ms, undefined, { signal: world.signal });
    }
    reply = carryOut(world, { request, signed, action }, fault, entry);
  } catch (error) {
    if (world.signal.aborted) throw error;
    const told = error instanceof ApiError ? error : defect(error);
    entry.code = told.code;
    reply = errorReply(told, requestId, req.headers.host ?? 'vpc.aliyuncs.com');
  }
  if (typeof reply === 'object') entry.httpStatus = reply.status;
  entry.atMs = world.now();
  world.journal.append(entry);
  if (fault?.kind === 'latency' && fault.when === 'after') {
    await delay(fault.ms, undefined, { signal: world.signal });
  }
  writeReply(reply, res);
}

/** Notes who asks for what, and takes the fault that is scripted for it. */
function meetFault(world: World, { parameters }: RpcRequest, { key }: Signed, action: Action, entry: Entry) {
  entry.accountId = key.accountId;
  entry.regionId = noted(parameters.get('RegionId'));
  entry.resourceId = action.resource === null ? null : noted(parameters.get(action.resource));
  entry.clientToken = noted(parameters.get('ClientToken'));
  const fault = world.faults.take(entry.action, entry.resourceId);
  entry.fault = fault?.kind ?? null;
  return fault;
}

/** Runs the action, unless a fault comes before its effect. Waits for nothing, so that no two calls overlap. */
function carryOut(
  world: World,
  { request, signed, action }: { request: RpcRequest; signed: Signed; action: Action },
  fault: Fault | null,
  entry: Entry,
): Reply {
  const { requestId } = entry;
  if (fault !== null && fault.kind !== 'latency' && fault.when === 'before')
    return faultReply(fault, requestId);
  const { accountId, securityToken } = signed.key;
  const { parameters } = request;
  const run = () =>
    action.run({
      accountId,
      temporaryKey: securityToken !== null,
      regionId: regionOf(world.cloud, action, parameters),
      parameters,
      cloud: world.cloud,
      now: world.now,
    });
  const { answer, replayed } =
    action.effect === 'none'
      ? { answer: run(), replayed: false }
      : world.tokens.once({ accountId, action: entry.action, parameters }, run);
  entry.effect = replayed ? 'replayed' : action.effect;
  if (fault !== null && fault.kind !== 'latency') return faultReply(fault, requestId);
  return jsonReply(200, requestId, { ...answer, RequestId: requestId });
}

function actionOf(request: RpcRequest): { action: Action; name: string } {
  if (request.method !== 'GET' && request.method !== 'POST') throw apiErrors.unsupportedMethod();
  if (request.pathname !== '/') throw apiErrors.unknownAction();
  const name = agreed(request, 'x-acs-action', 'Action');
  const version = agreed(request, 'x-acs-version', 'Version');
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (action === undefined) throw apiErrors.unknownAction();
  if (action.version !== version) throw apiErrors.unknownVersion();
  return { action, name };
}

/**
 * What header and parameter say, which must not contradict each other. The older signature covers no header, so there
 * the header alone says nothing.
 */
function agreed(request: RpcRequest, header: string, parameter: string): string {
  const inHeader = request.headers.get(header);
  const inParameters = request.parameters.get(parameter);
  const value = signatureForm(request) === 'v3' ? (inHeader ?? inParameters) : inParameters;
  if (value === undefined || value === '') throw apiErrors.missing(parameter);
  if ((inHeader ?? value) !== (inParameters ?? value)) {
    throw apiErrors.malformed(`header and parameter name different values of ${parameter}`);
  }
  return value;
}

function regionOf(cloud: Cloud, action: Action, parameters: ReadonlyMap<string, string>): string {
  if (!action.regional) return '';
  const regionId = parameters.get('RegionId');
  if (regionId === undefined || regionId === '') throw apiErrors.missing('RegionId');
  if (!cloud.regions.includes(regionId)) throw apiErrors.unknownRegion();
  return regionId;
}

function newEntry(requestId: string): Entry {
  return {
    atMs: 0,
    action: '',
    accountId: null,
    regionId: null,
    resourceId: null,
    clientToken: null,
    effect: 'none',
    httpStatus: null,
    code: null,
    requestId,
    fault: null,
  };
}

/** The journal is bounded in its entries, so each of them must be. */
function noted(text: string | undefined): string | null {
  return text === undefined || text.length > 200 ? null : text;
}

/** What is no refusal of a request is a broken connection, which nobody can be answered on. */
function apiErrorOnly(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  throw error;
}

/** A mistake in the emulator itself: told, so that it is not taken for a fault of the network. */
function defect(error: unknown): ApiError {
  return apiErrors.internal(`The emulator has a defect: ${String(error)}. Report it.`, 500);
}
