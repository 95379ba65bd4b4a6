import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { gunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { z } from 'zod';
import { OperatorError } from '../errors.ts';
import { type Json, NotPlainJson, plainJson } from './plain-json.ts';

/** The two questions that the gateway asks. A bundle answers exactly these. */
export const entrypoints = { admission: 'portcullis/admission', decision: 'portcullis/decision' } as const;

export type Entrypoint = (typeof entrypoints)[keyof typeof entrypoints];

/** What a bundle holds, read and checked in form; the module is not compiled yet. */
export type PolicyBundle = {
  /** What its sources' digest was at the build, as its manifest states. */
  revision: string;
  /** SHA-256 of the archive as it was read, lower-case hex. */
  digest: string;
  wasm: Uint8Array;
  /** The parameters of the rules: the document `data`. */
  data: Json;
};

/** Why a bundle is not used. For people: `message` says what is wrong with it and what to do. */
export class PolicyBundleError extends OperatorError {
  override readonly name = 'PolicyBundleError';

  constructor(reason: string, cause?: unknown) {
    super(`This policy bundle is not used: ${reason}`, cause === undefined ? undefined : { cause });
  }
}

export type BundleLimits = { archiveBytes: number; unpackedBytes: number; members: number };

/** The committed bundle packs 430 kB into 150 kB and has some twenty members. */
export const bundleLimits: BundleLimits = {
  archiveBytes: 16 * 1024 * 1024,
  unpackedBytes: 64 * 1024 * 1024,
  members: 1000,
};

const manifestSchema = z.strictObject({
  revision: z.string().min(1).max(256),
  roots: z.array(z.enum(['', 'portcullis'])).length(1),
  wasm: z.array(
    z.strictObject({
      entrypoint: z.enum(Object.values(entrypoints)),
      module: z.literal('/policy.wasm'),
      annotations: z.array(z.unknown()).optional(),
    }),
  ),
  rego_version: z.literal(1),
});

/**
 * Reads a bundle as `opa build -t wasm` writes it: `.manifest`, `data.json`, `policy.wasm` and the sources it was
 * compiled from, which are ignored (https://www.openpolicyagent.org/docs/management-bundles, "Bundle File Format").
 * Throws PolicyBundleError for anything else: a member of another kind, type or path, twice the same, none of one, or
 * more than the limits, which bound what is unpacked too.
 */
export async function readBundle(archive: Uint8Array, limits = bundleLimits): Promise<PolicyBundle> {
  const members = await readMembers(await unpack(archive, limits), limits);
  const manifest = manifestSchema.safeParse(jsonMember(members, '.manifest'));
  if (!manifest.success) {
    throw new PolicyBundleError(
      `its .manifest is not as expected. ${rebuild} ${z.prettifyError(manifest.error)}`,
    );
  }
  const { revision, wasm } = manifest.data;
  for (const entrypoint of Object.values(entrypoints)) {
    if (wasm.filter((entry) => entry.entrypoint === entrypoint).length !== 1) {
      throw new PolicyBundleError(
        `its .manifest does not name the entrypoint ${entrypoint} once. ${rebuild}`,
      );
    }
  }
  const data = jsonMember(members, 'data.json');
  return {
    revision,
    digest: createHash('sha256').update(archive).digest('hex'),
    wasm: member(members, 'policy.wasm'),
    data,
  };
}

const rebuild = 'Build it with: npm run policy:build.';

async function unpack(archive: Uint8Array, limits: BundleLimits): Promise<Buffer> {
  if (archive.byteLength > limits.archiveBytes) {
    throw new PolicyBundleError(
      `it has ${archive.byteLength} bytes, more than the ${limits.archiveBytes} allowed.`,
    );
  }
  const { unpacked, read } = await inflate(archive, limits.unpackedBytes).catch((error: unknown) => {
    const tooLarge = error instanceof RangeError;
    throw new PolicyBundleError(
      tooLarge
        ? `it unpacks to more than the ${limits.unpackedBytes} bytes allowed.`
        : `it is no complete gzip archive. Fetch or build it again.`,
      error,
    );
  });
  if (read !== archive.byteLength) {
    throw new PolicyBundleError('something follows the end of its gzip archive. Fetch or build it again.');
  }
  return unpacked;
}

/** Inflates outside the event loop, never to more than `maxOutputLength` bytes; then rejects with RangeError. */
function inflate(archive: Uint8Array, maxOutputLength: number): Promise<{ unpacked: Buffer; read: number }> {
  return new Promise((resolve, reject) => {
    // With `info` the callback is given the engine too, which the types do not know; it counts what it read.
    const options = { maxOutputLength, info: true };
    gunzip(archive, options, (error, result) => {
      if (error !== null) return reject(error);
      const { buffer: unpacked, engine } = result as unknown as {
        buffer: Buffer;
        engine: { bytesWritten: number };
      };
      resolve({ unpacked, read: engine.bytesWritten });
    });
  });
}

async function readMembers(tar: Buffer, limits: BundleLimits): Promise<Map<string, Buffer>> {
  const members = new Map<string, Buffer>();
  const reader = extract();
  reader.end(tar);
  try {
    for await (const entry of reader) {
      const name = memberName(entry.header.name, entry.header.type);
      if (members.has(name)) throw new PolicyBundleError(`its member ${name} is there twice.`);
      if (members.size >= limits.members) {
        throw new PolicyBundleError(`it has more than the ${limits.members} members allowed.`);
      }
      members.set(name, await buffer(entry));
    }
  } catch (error) {
    if (error instanceof PolicyBundleError) throw error;
    throw new PolicyBundleError('its tar archive is damaged. Fetch or build it again.', error);
  }
  return members;
}

/** OPA writes `/policy.wasm` where tar by hand writes `policy.wasm` or `./policy.wasm`: one member all the same. */
function memberName(path: string, type: string | null | undefined): string {
  const shown = JSON.stringify(path.slice(0, 200));
  if (type !== 'file') {
    throw new PolicyBundleError(`its member ${shown} is no file but ${type ?? 'of an unknown type'}.`);
  }
  const name = path.replace(/^(?:\.\/|\/)/, '');
  const parts = name.split('/');
  if (!/^[\w./-]+$/.test(name) || parts.some((part) => ['', '.', '..'].includes(part))) {
    throw new PolicyBundleError(`the path of its member ${shown} is not a plain one.`);
  }
  if (['.manifest', 'data.json', 'policy.wasm'].includes(name) || name.endsWith('.rego')) return name;
  throw new PolicyBundleError(`its member ${shown} is none that is understood here. ${rebuild}`);
}

function member(members: ReadonlyMap<string, Buffer>, name: string): Buffer {
  const content = members.get(name);
  if (content === undefined) throw new PolicyBundleError(`it has no ${name}. ${rebuild}`);
  return content;
}

function jsonMember(members: ReadonlyMap<string, Buffer>, name: string): Json {
  const content = member(members, name);
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
    return plainJson(JSON.parse(text));
  } catch (error) {
    const why = error instanceof NotPlainJson ? error.message : 'it is not JSON in UTF-8';
    throw new PolicyBundleError(`its ${name} cannot be read: ${why}.`, error);
  }
}
