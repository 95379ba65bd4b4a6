import { createHash, createHmac, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import type { AccessKey } from '../../src/emulator/signature.ts';

/** A request byte for byte as it goes over the wire. */
export type Wire = { method: string; target: string; headers: [name: string, value: string][]; body: string };

export type WireAnswer = {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  /** The answer parsed; empty where it is no JSON object. */
  body: z.output<typeof answerBody>;
};

const answerBody = z.looseObject({
  RequestId: z.string().optional(),
  HostId: z.string().optional(),
  Code: z.string().optional(),
  Message: z.string().optional(),
  Recommend: z.string().optional(),
});

/** Sends exactly this. Rejects when the connection breaks. */
export async function send(port: number, wire: Wire): Promise<WireAnswer> {
  const req = request({
    host: '127.0.0.1',
    port,
    method: wire.method,
    path: wire.target,
    headers: wire.headers.flat(),
    agent: false,
    setHost: false,
  });
  req.end(wire.body);
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  const answered = await text(res);
  let body: unknown = null;
  try {
    body = JSON.parse(answered);
  } catch {
    // Some answers are meant to be none.
  }
  return {
    status: res.statusCode ?? 0,
    headers: res.headers,
    text: answered,
    body: answerBody.safeParse(body).data ?? {},
  };
}

/** What a client sends when it calls a server that answers nothing but an error. */
export async function capture(call: (port: number) => Promise<unknown>): Promise<Wire> {
  const requests: Promise<Wire>[] = [];
  const server = createServer((req, res) => {
    requests.push(wireOf(req));
    res
      .writeHead(400, { 'Content-Type': 'application/json' })
      .end('{"Code":"Captured","Message":"Captured.","RequestId":"CAPTURED"}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await call((server.address() as AddressInfo).port).catch(() => undefined);
    const [captured] = await Promise.all(requests);
    if (captured === undefined) throw new Error('The client sent nothing.');
    return captured;
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

async function wireOf(req: IncomingMessage): Promise<Wire> {
  const headers: [string, string][] = [];
  for (let at = 0; at < req.rawHeaders.length; at += 2) {
    headers.push([req.rawHeaders[at] ?? '', req.rawHeaders[at + 1] ?? '']);
  }
  return { method: req.method ?? '', target: req.url ?? '', headers, body: await text(req) };
}

export type Signing = {
  key: AccessKey;
  action: string;
  version: string;
  method: 'GET' | 'POST';
  query: Record<string, string>;
  form: Record<string, string>;
  /** Null: left out, and not signed. */
  nonce: string | null;
  /** As it stands in the request; null: left out. */
  time: string | null;
  /** Null: none is sent, whatever the key has. */
  securityToken: string | null;
  /** What x-acs-content-sha256 says of the body; null: the truth. Signed either way. */
  claimedDigest: string | null;
};

/** A call of the VPC API with everything as it should be. */
export function signing(key: AccessKey, action: string, query: Record<string, string>): Signing {
  return {
    key,
    action,
    version: '2016-04-28',
    method: 'POST',
    query,
    form: {},
    nonce: randomUUID(),
    time: timestamp(Date.now()),
    securityToken: key.securityToken,
    claimedDigest: null,
  };
}

/** `atMs` as both signatures write it. */
export function timestamp(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19)}Z`;
}

const host = 'vpc.emulated:80';

/** The request signed as ACS3-HMAC-SHA256, by the specification and not by the emulator's code. */
export function signV3(call: Signing): Wire {
  const body = encodePairs(call.form);
  const headers: Record<string, string | null> = {
    host,
    'x-acs-action': call.action,
    'x-acs-version': call.version,
    'x-acs-signature-nonce': call.nonce,
    'x-acs-date': call.time,
    'x-acs-content-sha256': call.claimedDigest ?? sha256(body),
    'x-acs-security-token': call.securityToken,
    'content-type': body === '' ? null : 'application/x-www-form-urlencoded',
  };
  const sent = Object.entries(headers)
    .flatMap(([name, value]): [string, string][] => (value === null ? [] : [[name, value]]))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const names = sent.map(([name]) => name).join(';');
  const query = encodePairs(call.query);
  const canonical = `${call.method}\n/\n${query}\n${sent.map(([name, value]) => `${name}:${value}\n`).join('')}\n${names}\n${sha256(body)}`;
  const signature = createHmac('sha256', call.key.accessKeySecret)
    .update(`ACS3-HMAC-SHA256\n${sha256(canonical)}`)
    .digest('hex');
  const authorization = `ACS3-HMAC-SHA256 Credential=${call.key.accessKeyId},SignedHeaders=${names},Signature=${signature}`;
  return {
    method: call.method,
    target: query === '' ? '/' : `/?${query}`,
    headers: [...sent, ['authorization', authorization], ...lengthOf(body)],
    body,
  };
}

/** The request signed as HMAC-SHA1 of version 1.0. */
export function signV2(call: Signing): Wire {
  const common: Record<string, string | null> = {
    Action: call.action,
    Version: call.version,
    Format: 'json',
    AccessKeyId: call.key.accessKeyId,
    SignatureMethod: 'HMAC-SHA1',
    SignatureVersion: '1.0',
    SignatureNonce: call.nonce,
    Timestamp: call.time,
    SecurityToken: call.securityToken,
  };
  const query: Record<string, string> = { ...call.query };
  for (const [name, value] of Object.entries(common)) if (value !== null) query[name] = value;
  const stringToSign = `${call.method}&%2F&${encode(encodePairs({ ...query, ...call.form }))}`;
  const signature = createHmac('sha1', `${call.key.accessKeySecret}&`).update(stringToSign).digest('base64');
  const body = encodePairs(call.form);
  return {
    method: call.method,
    target: `/?${encodePairs({ ...query, Signature: signature })}`,
    headers: [
      ['host', host],
      ...(body === '' ? [] : ([['content-type', 'application/x-www-form-urlencoded']] as [string, string][])),
      ...lengthOf(body),
    ],
    body,
  };
}

/** The same request with the header set to another value, or added; `null` takes it away. */
export function withHeader(wire: Wire, name: string, value: string | null): Wire {
  const others = wire.headers.filter(([one]) => one.toLowerCase() !== name.toLowerCase());
  return { ...wire, headers: value === null ? others : [...others, [name, value]] };
}

/** The same request with another body, its length adapted. */
export function withBody(wire: Wire, body: string): Wire {
  const [[, length] = ['', '0']] = lengthOf(body);
  return withHeader({ ...wire, body }, 'content-length', length);
}

function lengthOf(body: string): [string, string][] {
  return body === '' ? [] : [['content-length', String(Buffer.byteLength(body))]];
}

function sha256(data: string): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Sorted `name=value` pairs, which serve as query, as form and as what is signed. */
function encodePairs(pairs: Record<string, string>): string {
  return Object.keys(pairs)
    .sort()
    .map((name) => `${encode(name)}=${encode(pairs[name] ?? '')}`)
    .join('&');
}

function encode(value: string): string {
  return encodeURIComponent(value).replaceAll(
    /[!'()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
