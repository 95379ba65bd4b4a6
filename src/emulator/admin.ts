import type { IncomingMessage, ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import { z } from 'zod';
import { type Faults, faultSchema, TooManyFaults } from './faults.ts';
import type { Journal } from './journal.ts';
import { maxBodyBytes, readBody } from './request-body.ts';

export const adminPrefix = '/_emulator/';

type Answer = { status: number; body: Record<string, unknown> };

/**
 * `POST`, `GET`, `DELETE /_emulator/faults` and `GET`, `DELETE /_emulator/journal`. Unauthenticated: the emulator
 * listens on loopback only and guards nothing. Web pages are kept out nevertheless, since a browser on the machine reaches
 * loopback for them. Rejects when the connection breaks.
 */
export async function answerAdmin(
  req: IncomingMessage,
  res: ServerResponse,
  world: { faults: Faults; journal: Journal },
): Promise<void> {
  const body = await readBody(req);
  const { status, body: told } = refuseBrowser(req) ?? carryOut(req, body, world);
  const text = JSON.stringify(told);
  res.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
    'X-Content-Type-Options': 'nosniff',
  });
  res.end(text);
}

function carryOut(
  req: IncomingMessage,
  body: Buffer | null,
  { faults, journal }: { faults: Faults; journal: Journal },
): Answer {
  switch (`${req.method} ${req.url?.slice(adminPrefix.length)}`) {
    case 'POST faults':
      return addFault(req, body, faults);
    case 'GET faults':
      return { status: 200, body: { faults: faults.list() } };
    case 'DELETE faults':
      faults.clear();
      return { status: 200, body: { faults: [] } };
    case 'GET journal':
      return { status: 200, body: { entries: journal.entries() } };
    case 'DELETE journal':
      journal.clear();
      return { status: 200, body: { entries: [] } };
    default:
      return refusal(
        404,
        `There are ${adminPrefix}faults (POST, GET, DELETE) and ${adminPrefix}journal (GET, DELETE).`,
      );
  }
}

function addFault(req: IncomingMessage, body: Buffer | null, faults: Faults): Answer {
  if (body === null) return refusal(413, `A fault takes no more than ${maxBodyBytes} bytes.`);
  if (!/^application\/json(?:\s*;|$)/i.test(req.headers['content-type'] ?? '')) {
    return refusal(415, 'Send the fault as Content-Type: application/json.');
  }
  const json = parseJson(body.toString('utf8'));
  if (json === undefined) return refusal(400, 'The body is no JSON.');
  const parsed = faultSchema.safeParse(json);
  if (!parsed.success) return refusal(400, z.prettifyError(parsed.error));
  try {
    faults.add(parsed.data);
  } catch (error) {
    if (error instanceof TooManyFaults) return refusal(409, error.message);
    throw error;
  }
  return { status: 201, body: { faults: faults.list() } };
}

/** A page of any site may send requests to loopback, and by DNS rebinding even read the answers. */
function refuseBrowser({ headers }: IncomingMessage): Answer | null {
  const { host = '', origin } = headers;
  const site = headers['sec-fetch-site'];
  if (origin !== undefined || (site !== undefined && site !== 'none')) {
    return refusal(403, 'Web pages may not drive the emulator. Use a command line client.');
  }
  const name = host.replace(/:\d{1,5}$/, '').replace(/^\[(.*)\]$/, '$1');
  if (isIP(name) === 0 && name !== 'localhost') {
    return refusal(
      403,
      'The host must be an IP address or localhost, so that no web page drives the emulator.',
    );
  }
  return null;
}

function refusal(status: number, message: string): Answer {
  return { status, body: { message } };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
