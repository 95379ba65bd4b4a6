import type { IncomingMessage } from 'node:http';
import { apiErrors } from './api-error.ts';
import { readBody } from './request-body.ts';

/** An RPC call as it came over the wire: everything a signature covers, kept raw or decoded exactly once. */
export type RpcRequest = {
  method: string;
  pathname: string;
  /** Lower-case names. */
  headers: ReadonlyMap<string, string>;
  query: ReadonlyMap<string, string>;
  /** Query and form together. */
  parameters: ReadonlyMap<string, string>;
  body: Buffer;
};

/** Reads the whole request. Throws ApiError for a repeated parameter or header, a broken encoding, or a bad body. */
export async function readRpcRequest(req: IncomingMessage): Promise<RpcRequest> {
  const body = await readBody(req);
  if (body === null) throw apiErrors.bodyTooLarge();
  const headers = singleHeaders(req);
  const url = req.url ?? '/';
  const mark = url.indexOf('?');
  const query = parsePairs(mark === -1 ? '' : url.slice(mark + 1));
  return {
    method: req.method ?? 'GET',
    pathname: mark === -1 ? url : url.slice(0, mark),
    headers,
    query,
    parameters: body.length === 0 ? query : withForm(query, headers.get('content-type'), body),
    body,
  };
}

function withForm(
  query: ReadonlyMap<string, string>,
  contentType: string | undefined,
  body: Buffer,
): Map<string, string> {
  if (!/^application\/x-www-form-urlencoded(?:\s*;|$)/i.test(contentType ?? '')) {
    throw apiErrors.malformed('a body must be application/x-www-form-urlencoded');
  }
  const parameters = new Map(query);
  for (const [name, value] of parsePairs(body.toString('utf8'))) {
    if (parameters.has(name)) throw apiErrors.malformed(`the parameter ${name} is given twice`);
    parameters.set(name, value);
  }
  return parameters;
}

function singleHeaders(req: IncomingMessage): Map<string, string> {
  const { rawHeaders } = req;
  const headers = new Map<string, string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase();
    if (headers.has(name)) throw apiErrors.malformed(`the header ${name} is given twice`);
    headers.set(name, rawHeaders[at + 1] ?? '');
  }
  return headers;
}

/** Clients differ in how they encode a space, so it is decoded here and encoded anew for the signature. */
function parsePairs(text: string): Map<string, string> {
  const pairs = new Map<string, string>();
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decode(equals === -1 ? pair : pair.slice(0, equals));
    if (pairs.has(name)) throw apiErrors.malformed(`the parameter ${name} is given twice`);
    pairs.set(name, decode(equals === -1 ? '' : pair.slice(equals + 1)));
  }
  return pairs;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', '%20'));
  } catch {
    throw apiErrors.malformed('broken percent-encoding');
  }
}
