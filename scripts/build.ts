// Builds dist/ from src/. Node runs the TypeScript of a checkout as it is, but strips no types under node_modules, so
// what is packed must be JavaScript. Run by npm at prepack.
import { execFileSync } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const compiler = fileURLToPath(new URL('bin/tsc', import.meta.resolve('typescript/package.json')));

// A file whose source is gone must not be packed.
rmSync(`${root}dist`, { recursive: true, force: true });
execFileSync(process.execPath, [compiler, '--project', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
});
chmodSync(`${root}dist/main.js`, 0o755);
