import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import type { Exploration } from './explore.ts';

/** A change of the code under test: texts that stand exactly once in a file of the project. */
export type Replacement = { file: string; find: string; replace: string };
export type Task = { exploration: Exploration; replacements: readonly Replacement[] };

const { exploration, replacements } = workerData as Task;
const root = fileURLToPath(new URL('../../', import.meta.url));
const missing = new Set(replacements);

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const wanted = replacements.filter(({ file }) => url === new URL(`file://${root}${file}`).href);
    if (wanted.length === 0) return loaded;
    let source = readFileSync(fileURLToPath(url), 'utf8');
    for (const one of wanted) {
      if (source.split(one.find).length !== 2) continue;
      source = source.replace(one.find, () => one.replace);
      missing.delete(one);
    }
    return { ...loaded, source };
  },
});
// Only now: what it imports is what is changed.
const { explore } = await import('./explore.ts');
if (missing.size > 0) throw new Error(`Not there once: ${[...missing].map(({ find }) => find).join('; ')}`);
parentPort?.postMessage(await explore(exploration));
