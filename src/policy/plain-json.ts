/** A value that JSON holds without loss. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Why a value is not plain JSON, and where; never the value itself, which may be anything. */
export class NotPlainJson extends Error {
  override readonly name = 'NotPlainJson';

  constructor(path: string, reason: string) {
    super(`${path === '' ? 'the value' : path} ${reason}`);
  }
}

export type PlainJsonLimits = { depth: number; values: number; characters: number };

/** Far above what facts and parameters can hold, and low enough that checking cannot be made to hold up the process. */
export const plainJsonLimits: PlainJsonLimits = { depth: 32, values: 100_000, characters: 4_000_000 };

/**
 * A copy of `value` that no one else holds, read once, made of plain objects and arrays only. Throws NotPlainJson for
 * whatever JSON.stringify would drop, alter or call (undefined, functions, accessors, class instances, toJSON), for
 * text with a lone surrogate (it aborts the WASM parser) and for integers that doubles do not hold exactly.
 */
export function plainJson(value: unknown, limits: PlainJsonLimits = plainJsonLimits): Json {
  let values = 0;
  let characters = 0;
  return copy(value, '', 0);

  function copy(part: unknown, path: string, depth: number): Json {
    values += 1;
    if (values > limits.values) throw new NotPlainJson('', `has more than ${limits.values} parts`);
    if (part === null || typeof part === 'boolean') return part;
    if (typeof part === 'string') return text(part, path);
    if (typeof part === 'number') return number(part, path);
    if (typeof part !== 'object') throw new NotPlainJson(path, `is of the type ${typeof part}`);
    if (depth >= limits.depth) throw new NotPlainJson(path, `lies deeper than ${limits.depth} levels`);
    return Array.isArray(part) ? list(part, path, depth) : object(part, path, depth);
  }

  function text(part: string, path: string): string {
    characters += part.length;
    if (characters > limits.characters)
      throw new NotPlainJson('', `has more than ${limits.characters} characters`);
    if (!part.isWellFormed()) throw new NotPlainJson(path, 'has a lone surrogate');
    return part;
  }

  function list(part: readonly unknown[], path: string, depth: number): Json {
    const names = Reflect.ownKeys(part);
    if (Object.getPrototypeOf(part) !== Array.prototype || names.length !== part.length + 1) {
      throw new NotPlainJson(path, 'is not a plain array');
    }
    const made: Json[] = [];
    for (let index = 0; index < names.length - 1; index += 1) {
      made.push(copy(own(part, String(index), path), `${path}/${index}`, depth + 1));
    }
    return made;
  }

  function object(part: object, path: string, depth: number): Json {
    const prototype: unknown = Object.getPrototypeOf(part);
    if (prototype !== Object.prototype && prototype !== null)
      throw new NotPlainJson(path, 'is not a plain object');
    const made: Record<string, Json> = {};
    for (const key of Reflect.ownKeys(part)) {
      // Assigning __proto__ would set the prototype of the copy instead of a member.
      if (typeof key === 'symbol' || key === '__proto__')
        throw new NotPlainJson(path, 'has a forbidden member');
      text(key, path);
      made[key] = copy(own(part, key, path), `${path}/${key}`, depth + 1);
    }
    return made;
  }
}

function own(part: object, key: string, path: string): unknown {
  const property = Object.getOwnPropertyDescriptor(part, key);
  if (property === undefined || !('value' in property) || !property.enumerable) {
    throw new NotPlainJson(`${path}/${key}`, 'is not a plain member');
  }
  return property.value;
}

function number(part: number, path: string): number {
  if (!Number.isFinite(part)) throw new NotPlainJson(path, 'is not a finite number');
  if (Number.isInteger(part) && !Number.isSafeInteger(part)) {
    throw new NotPlainJson(path, 'is an integer beyond 2^53 - 1, which loses its last digits');
  }
  return part;
}
