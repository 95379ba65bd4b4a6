import type { IncomingMessage } from 'node:http';

export const maxBodyBytes = 64 * 1024;
const nothing = Buffer.alloc(0);

/** The whole body; null when it is larger than `maxBodyBytes`. Rejects when the connection breaks. */
export async function readBody(req: IncomingMessage): Promise<Buffer | null> {
  const { 'content-length': announced, 'transfer-encoding': encoding } = req.headers;
  if (encoding === undefined && (announced === undefined || announced === '0')) return nothing;
  const chunks: Buffer[] = [];
  let length = 0;
  // Read to its end and thrown away: a server that answers while the client still sends is seen as a broken connection.
  for await (const chunk of req as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= maxBodyBytes) chunks.push(chunk);
    else if (length > 64 * maxBodyBytes) throw new Error('The client does not stop sending.');
  }
  return length > maxBodyBytes ? null : Buffer.concat(chunks);
}
