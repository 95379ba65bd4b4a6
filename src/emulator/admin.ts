import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { type Faults, faultSchema } from './faults.ts';
import type { Journal } from './journal.ts';

export const adminPrefix = '/_emulator/';
const maxBodyBytes = 64 * 1024;

/**
 * `POST`, `GET`, `DELETE /_emulator/faults` and `GET`, `DELETE /_emulator/journal`. Unauthenticated: the emulator
 * listens on loopback and guards nothing.
 */
export async function answerAdmin(
  req: IncomingMessage,
  res: ServerResponse,
  { faults, journal }: { faults: Faults; journal: Journal },
): Promise<void> {
  const answer = (status: number, body: unknown) =>
    void res.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
  switch (`${req.method} ${req.url?.slice(adminPrefix.length)}`) {
    case 'POST faults': {
      const parsed = faultSchema.safeParse(parseJson(await readText(req)));
      if (!parsed.success) return answer(400, { message: z.prettifyError(parsed.error) });
      faults.add(parsed.data);
      return answer(201, { faults: faults.list() });
    }
    case 'GET faults':
      return answer(200, { faults: faults.list() });
    case 'DELETE faults':
      faults.clear();
      return answer(200, { faults: [] });
    case 'GET journal':
      return answer(200, { entries: journal.entries() });
    case 'DELETE journal':
      journal.clear();
      return answer(200, { entries: [] });
    default:
      return answer(404, {
        message: 'There are /_emulator/faults (POST, GET, DELETE) and /_emulator/journal (GET, DELETE).',
      });
  }
}

async function readText(req: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of req) {
    text += chunk;
    if (text.length > maxBodyBytes) return '';
  }
  return text;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
