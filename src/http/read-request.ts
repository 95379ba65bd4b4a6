import type { Request } from 'express';
import { Problem } from '../errors.ts';

/** A 400 that names the field, says what is wrong with it and what it should be. */
export function invalid(field: string, expectation: string): Problem {
  return new Problem(
    'INVALID_REQUEST',
    `${field}: ${expectation} Nothing was deleted. Correct it and send the request again.`,
    {
      fields: [field],
    },
  );
}

/**
 * The query parameters of a request, each at most once and only those named. Works on the raw query: a lenient parser
 * would drop, merge or reinterpret what the caller sent. Throws INVALID_REQUEST that names the parameter.
 */
export function readQuery<Name extends string>(
  req: Request,
  allowed: readonly Name[],
): Partial<Record<Name, string>> {
  const url = req.originalUrl;
  const start = url.indexOf('?');
  const values: Partial<Record<Name, string>> = {};
  if (start === -1 || start === url.length - 1) return values;
  for (const pair of url.slice(start + 1).split('&')) {
    const equals = pair.indexOf('=');
    const name = decode(equals === -1 ? pair : pair.slice(0, equals), 'query');
    const known = allowed.find((candidate) => candidate === name);
    if (known === undefined) {
      throw invalid(
        printable(name) || 'query',
        `is no parameter of this request (${allowed.join(', ') || 'it takes none'}).`,
      );
    }
    if (Object.hasOwn(values, known)) throw invalid(known, 'is given more than once.');
    values[known] = decode(equals === -1 ? '' : pair.slice(equals + 1), known);
  }
  return values;
}

/** Whether the request announces a body. */
export function hasBody(req: Request): boolean {
  const length = req.headers['content-length'];
  return req.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

/** Throws INVALID_REQUEST when the request carries a body. */
export function refuseBody(req: Request): void {
  if (hasBody(req)) throw invalid('body', 'this request takes no body.');
}

/** A header that may be given once. Throws INVALID_REQUEST when it is repeated. */
export function readHeader(req: Request, name: string): string | null {
  const values = req.headersDistinct[name.toLowerCase()];
  if (values === undefined) return null;
  if (values.length > 1) throw invalid(name, 'is given more than once.');
  return values[0] ?? null;
}

// Control characters, line and paragraph separators and direction overrides can forge what a person reads in a log.
const deceptive = /[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]/u;

/** Free text of 1 to `maxLength` characters (code points) that shows as what it is; null when absent. */
export function readText(field: string, value: string | undefined, maxLength: number): string | null {
  if (value === undefined) return null;
  if (value.trim() === '') throw invalid(field, 'is empty.');
  if (Array.from(value).length > maxLength) throw invalid(field, `is longer than ${maxLength} characters.`);
  if (deceptive.test(value)) throw invalid(field, 'holds control characters.');
  return value;
}

/** A value of that form; `expectation` says what the form is. */
export function readPattern(field: string, value: string, pattern: RegExp, expectation: string): string {
  if (!pattern.test(value)) throw invalid(field, expectation);
  return value;
}

function decode(raw: string, field: string): string {
  try {
    return decodeURIComponent(raw.replaceAll('+', ' '));
  } catch {
    throw invalid(field, 'is not valid percent-encoded UTF-8.');
  }
}

function printable(name: string): string {
  return name.replaceAll(/[^\x21-\x7e]/g, '?').slice(0, 64);
}
