import type { IncomingMessage } from 'node:http';
import { apiErrors } from './api-error.ts';

/** An RPC call as it came over the wire: everything a signature covers, kept raw or decoded exactly once. */
export type RpcRequest = {
  method: string;
  pathname: string;
  /** Lower-case names. */
  headers: Readonly<Record<string, string>>;
  query: ReadonlyMap<string, string>;
  form: ReadonlyMap<string, string>;
  /** Query and form together. */
  parameters: ReadonlyMap<string, string>;
  body: Buffer;
};

const maxBodyBytes = 64 * 1024;

/** Reads the whole request. Throws ApiError for a repeated parameter or header, a broken encoding, or a large body. */
export async function readRpcRequest(req: IncomingMessage): Promise<RpcRequest> {
  const body = await readBody(req);
  const url = req.url ?? '/';
  const mark = url.indexOf('?');
  const query = parsePairs(mark === -1 ? '' : url.slice(mark + 1));
  const isForm = (req.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded');
  const form = isForm ? parsePairs(body.toString('utf8')) : new Map<string, string>();
  const parameters = new Map(query);
  for (const [name, value] of form) {
    if (parameters.has(name)) throw apiErrors.malformed(`the parameter ${name} is given twice`);
    parameters.set(name, value);
  }
  return {
    method: req.method ?? 'GET',
    pathname: mark === -1 ? url : url.slice(0, mark),
    headers: singleHeaders(req),
    query,
    form,
    parameters,
    body,
  };
}

async function readBody(req: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBodyBytes) throw apiErrors.malformed('the body is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function singleHeaders(req: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, values = []] of Object.entries(req.headersDistinct)) {
    if (values.length > 1) throw apiErrors.malformed(`the header ${name} is given twice`);
    headers[name] = values[0] ?? '';
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
