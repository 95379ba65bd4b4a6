import type { Request, Response } from 'express';

/** What a caller prefers (RFC 7240). */
export type Preference = {
  /** Seconds that the caller will wait at most; null when it does not say. */
  waitSeconds: number | null;
  /** Whether it wants an answer as soon as the work is begun. */
  respondAsync: boolean;
};

/** Longer than any call, shorter than what lies between usually keeps a silent connection open. */
export const longestWaitSeconds = 60;

/**
 * The preferences of a request. What is not understood is ignored, as RFC 7240 section 2 has it; of a preference given
 * twice the first counts.
 */
export function readPreference(req: Request): Preference {
  const preference: Preference = { waitSeconds: null, respondAsync: false };
  const given = (req.headersDistinct.prefer ?? []).join(',');
  for (const part of given.split(',')) {
    const [name = '', value = ''] = (part.split(';')[0] ?? '').split('=').map((text) => text.trim());
    switch (name.toLowerCase()) {
      case 'respond-async':
        preference.respondAsync = true;
        break;
      case 'wait':
        if (preference.waitSeconds === null && /^"?\d{1,6}"?$/.test(value)) {
          preference.waitSeconds = Math.min(longestWaitSeconds, Number(value.replaceAll('"', '')));
        }
        break;
      default:
        break;
    }
  }
  return preference;
}

/** States on the answer what was done as preferred. */
export function statePreference(res: Response, { waitSeconds, respondAsync }: Preference): void {
  const applied = [
    ...(respondAsync ? ['respond-async'] : []),
    ...(waitSeconds === null ? [] : [`wait=${waitSeconds}`]),
  ];
  if (applied.length > 0) res.setHeader('Preference-Applied', applied.join(', '));
  res.vary('Prefer');
}

/** Milliseconds that a deletion may be waited for; null: until its call has ended. */
export function patienceMs({ waitSeconds, respondAsync }: Preference): number | null {
  if (waitSeconds !== null) return waitSeconds * 1000;
  return respondAsync ? 0 : null;
}
