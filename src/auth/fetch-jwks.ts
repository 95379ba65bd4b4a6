import { member, parseStrictJson } from './strict-json.ts';
import { type KeySet, readKeySet } from './verification-key.ts';

export type FetchLimits = {
  /** Milliseconds for the whole exchange, body included. */
  timeoutMs: number;
  /** Bytes of the body, after decompression. */
  maxBytes: number;
  /** A set with more keys is not taken at all. */
  maxKeys: number;
};

/**
 * Fetches a JWK set (RFC 7517 section 5). Follows no redirect: the configured address alone is trusted to name keys.
 * Throws an Error that says what was wrong with the answer.
 */
export async function fetchKeySet(url: string, limits: FetchLimits, stop: AbortSignal): Promise<KeySet> {
  const response = await fetch(url, {
    redirect: 'manual',
    headers: { accept: 'application/jwk-set+json, application/json' },
    signal: AbortSignal.any([stop, AbortSignal.timeout(limits.timeoutMs)]),
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`The key set at ${url} was answered with status ${response.status}, not 200.`);
  }
  const jwks = member(parseStrictJson(await readBounded(response, url, limits.maxBytes)), 'keys');
  if (!Array.isArray(jwks)) throw new Error(`The answer at ${url} is no JWK set: it has no list \`keys\`.`);
  if (jwks.length > limits.maxKeys) {
    throw new Error(`The key set at ${url} has ${jwks.length} keys; the limit is ${limits.maxKeys}.`);
  }
  const set = readKeySet(jwks);
  // An empty set would withdraw every token at once; far likelier the issuer is broken.
  if (set.keys.every((key) => key.algorithms.size === 0)) {
    throw new Error(`The key set at ${url} has no usable key. ${set.unused.join(' ')}`);
  }
  return set;
}

async function readBounded(response: Response, url: string, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const body: AsyncIterable<Uint8Array> | null = response.body;
  // Leaving the loop early cancels the body.
  for await (const chunk of body ?? []) {
    size += chunk.byteLength;
    if (size > maxBytes)
      throw new Error(`The key set at ${url} is larger than the limit of ${maxBytes} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
