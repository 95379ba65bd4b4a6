import { apiErrors } from './api-error.ts';
import type { Tag } from './cloud.ts';

/** The decoded parameters of a call, from query and form. */
export type Parameters = ReadonlyMap<string, string>;

/** The parameter's text. Throws ApiError when it is absent or empty. */
export function required(parameters: Parameters, name: string): string {
  const value = parameters.get(name);
  if (value === undefined || value === '') throw apiErrors.missing(name);
  return value;
}

/** One of `allowed`, which is `absent` when not given. Throws ApiError for any other text. */
export function choice<T extends string>(
  parameters: Parameters,
  name: string,
  allowed: readonly T[],
  absent: T,
): T {
  const text = parameters.get(name);
  if (text === undefined || text === '') return absent;
  const chosen = allowed.find((one) => one === text);
  if (chosen === undefined) throw apiErrors.invalid(name);
  return chosen;
}

/** Whether every filter that is given equals what the item has: name of the parameter → value of the item. */
export function matches(parameters: Parameters, item: Readonly<Record<string, string>>): boolean {
  return Object.entries(item).every(([name, value]) => {
    const wanted = parameters.get(name);
    return wanted === undefined || wanted === '' || wanted === value;
  });
}

/** `Tag.1.Key`, `Tag.1.Value`, …: a key without a value stands for every value. Throws ApiError for a value alone. */
export function tagFilters(parameters: Parameters): { key: string; value: string | undefined }[] {
  const numbers = [...parameters.keys()].flatMap(
    (name) => /^Tag\.(\d+)\.(?:Key|Value)$/.exec(name)?.[1] ?? [],
  );
  return [...new Set(numbers)].map((number) => ({
    key: required(parameters, `Tag.${number}.Key`),
    value: parameters.get(`Tag.${number}.Value`),
  }));
}

/** Whether the tags hold all that is asked for. */
export function tagged(tags: readonly Tag[], filters: ReturnType<typeof tagFilters>): boolean {
  return filters.every(({ key, value }) =>
    tags.some((tag) => tag.key === key && (value === undefined || tag.value === value)),
  );
}

/** The page of `all` that PageNumber (from 1) and PageSize (1 to 50, else 10) ask for. Throws ApiError. */
export function paged<T>(parameters: Parameters, all: readonly T[]) {
  const PageNumber = wholeNumber(parameters, 'PageNumber', 1, 100_000);
  const PageSize = wholeNumber(parameters, 'PageSize', 10, 50);
  const start = (PageNumber - 1) * PageSize;
  return { PageNumber, PageSize, TotalCount: all.length, items: all.slice(start, start + PageSize) };
}

/** The part of `all` that NextToken and MaxResults (1 to 50, the default) ask for. Throws ApiError. */
export function continued<T>(parameters: Parameters, all: readonly T[]): { NextToken: string; items: T[] } {
  const size = wholeNumber(parameters, 'MaxResults', 50, 50);
  const token = parameters.get('NextToken') ?? '';
  const start = token === '' ? 0 : Number(/^next-(\d{1,6})$/.exec(token)?.[1] ?? Number.NaN);
  if (Number.isNaN(start)) throw apiErrors.invalid('NextToken');
  const end = start + size;
  return { NextToken: end < all.length ? `next-${end}` : '', items: all.slice(start, end) };
}

function wholeNumber(parameters: Parameters, name: string, absent: number, max: number): number {
  const text = parameters.get(name);
  if (text === undefined) return absent;
  const value = /^[1-9]\d{0,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= max)) throw apiErrors.invalid(name);
  return value;
}
