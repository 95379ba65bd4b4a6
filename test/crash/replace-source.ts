import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

// Loaded before the gateway by `node --import`. Gives it a defect: CRASH_DEFECT is JSON, a list of
// {file, find, replace} whose texts stand exactly once in that file of the project.
type Replacement = { file: string; find: string; replace: string };
const root = fileURLToPath(new URL('../../', import.meta.url));
const replacements = JSON.parse(process.env.CRASH_DEFECT ?? '[]') as Replacement[];

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (!url.startsWith('file:')) return loaded;
    const file = fileURLToPath(url);
    const wanted = replacements.filter((one) => `${root}${one.file}` === file);
    if (wanted.length === 0) return loaded;
    const { source: given = '' } = loaded;
    let source = typeof given === 'string' ? given : Buffer.from(given as Uint8Array).toString('utf8');
    for (const { find, replace } of wanted) source = source.replace(find, () => replace);
    return { ...loaded, source };
  },
});
