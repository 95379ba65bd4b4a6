/** Why a text was not taken as JSON. */
export class JsonRefused extends Error {
  override readonly name = 'JsonRefused';
  readonly reason: 'invalid' | 'repeated';

  constructor(reason: 'invalid' | 'repeated') {
    super(reason === 'invalid' ? 'This is not JSON.' : 'A member stands twice in one JSON object.');
    this.reason = reason;
  }
}

const maxDepth = 32;

/**
 * The JSON object in `bytes`: UTF-8 without byte order mark, at most 32 levels deep, no member name twice in one object
 * (RFC 7515 section 4 leaves it open which of two counts; a guard and an issuer must not differ over it).
 * Throws JsonRefused.
 */
export function parseStrictJson(bytes: Uint8Array): Record<string, unknown> {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch {
    throw new JsonRefused('invalid');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new JsonRefused('invalid');
  refuseRepeats(text);
  return value as Record<string, unknown>;
}

/** A member of the object itself; what objects inherit (`constructor`, `__proto__`) is no claim. */
export function member(object: Record<string, unknown>, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** `text` is known to be valid JSON, so strings and brackets are all there is to look at. */
function refuseRepeats(text: string): void {
  const open: (Set<string> | null)[] = [];
  let nameIsNext = false;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]/g)) {
    if (token === '{' || token === '[') {
      open.push(token === '{' ? new Set() : null);
      if (open.length > maxDepth) throw new JsonRefused('invalid');
    } else if (token === '}' || token === ']') {
      open.pop();
    } else if (nameIsNext && token.startsWith('"')) {
      // Compared as read, not as written: "alg" and "\u0061lg" are the same name.
      const name: unknown = JSON.parse(token);
      const names = open.at(-1);
      if (typeof name !== 'string' || names == null || names.has(name)) throw new JsonRefused('repeated');
      names.add(name);
    }
    nameIsNext = token === '{' || (token === ',' && open.at(-1) instanceof Set);
  }
}
