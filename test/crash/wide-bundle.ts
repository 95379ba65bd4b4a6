import { readFile } from 'node:fs/promises';
import { defaultBundleFile } from '../../src/package-files.ts';
import { unpack } from '../../src/policy/authoring/archive.ts';
import { changeBundle } from '../support/policy.ts';

/** The committed policy, under which thousands may be deleted in an hour. */
export async function wideBundle(): Promise<Buffer> {
  const archive = await readFile(defaultBundleFile);
  const data = Buffer.from((await unpack(archive)).get('/data.json') ?? '').toString('utf8');
  const wide = data.replaceAll(/"limit":\s*\d+/g, '"limit": 1000000');
  if (wide === data) throw new Error('The committed policy has no budgets to widen.');
  return changeBundle(archive, { '/data.json': wide });
}
