import { createHash, generateKeyPairSync, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { link, mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { OperatorError } from '../errors.ts';

const privateJwkSchema = z.strictObject({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: z.string(),
  y: z.string(),
  d: z.string(),
  kid: z.string().min(1),
});
const keyFileSchema = z.strictObject({ version: z.literal(1), key: privateJwkSchema });

export type DemoKey = z.output<typeof privateJwkSchema>;

const fileName = 'demo-issuer.json';

/**
 * The demo issuer's private key, made at the first call and kept in `<stateDir>/demo-issuer.json`, which its owner
 * alone may read. Several processes may ask at once: one makes the key, all get the same.
 * Throws an Error that says what to do where the directory cannot be written, or the file cannot be trusted.
 */
export async function demoKey(stateDir: string): Promise<DemoKey> {
  const path = join(stateDir, fileName);
  try {
    return (await readKeyFile(path)) ?? (await createKeyFile(stateDir, path));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    throw new OperatorError(
      `The demo issuer's key cannot be kept in ${path}: ${error.message}. Make the directory writable, or name another with --state-dir.`,
      { cause: error },
    );
  }
}

async function readKeyFile(path: string): Promise<DemoKey | null> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  await using _file = file;
  const { mode } = await file.stat();
  // Putting the mode right would not take the key back from whoever has read it.
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw new OperatorError(
      `${path} can be read by others (mode ${(mode & 0o777).toString(8)}), who could sign tokens with it. Delete it: a new key is made at the next start.`,
    );
  }
  const content = keyFileSchema.safeParse(parseJson(await file.readFile('utf8')));
  if (!content.success) {
    throw new OperatorError(
      `${path} does not hold the demo issuer's key. Delete it: a new key is made at the next start.`,
    );
  }
  return content.data.key;
}

async function createKeyFile(stateDir: string, path: string): Promise<DemoKey> {
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  const draftPath = `${path}.${randomUUID()}`;
  {
    await using draft = await open(draftPath, 'wx', 0o600);
    await draft.writeFile(`${JSON.stringify({ version: 1, key: newKey() })}\n`);
    await draft.sync();
  }
  try {
    // A link appears whole or not at all, and never over a file that another process has made meanwhile.
    await link(draftPath, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await unlink(draftPath);
  }
  const key = await readKeyFile(path);
  if (key === null) throw new OperatorError(`${path} vanished while it was made. Start again.`);
  return key;
}

function newKey(): DemoKey {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = privateKey.export({ format: 'jwk' });
  const kid = createHash('sha256')
    .update(JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y }))
    .digest('base64url');
  return privateJwkSchema.parse({ ...jwk, kid });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
