import { buffer } from 'node:stream/consumers';
import { gunzipSync, gzipSync } from 'node:zlib';
import { extract, pack } from 'tar-stream';

/** The members of a bundle by name. OPA names them with a leading slash and refers to them so in the manifest. */
export type Members = ReadonlyMap<string, Buffer>;

/** Reads a `.tar.gz` that was built here. Bundles from elsewhere go through the loader, which trusts nothing. */
export async function unpack(archive: Buffer): Promise<Members> {
  const members = new Map<string, Buffer>();
  const reader = extract();
  reader.end(gunzipSync(archive));
  for await (const entry of reader) {
    const content = await buffer(entry);
    if (entry.header.type === 'file') members.set(entry.header.name, content);
  }
  return members;
}

/** Writes members as a `.tar.gz`: sorted, no times, no owners, so that the same members make the same archive. */
export async function packMembers(members: Members): Promise<Buffer> {
  const writer = pack();
  for (const [name, content] of [...members].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    writer.entry({ name, mode: 0o644, mtime: new Date(0) }, content);
  }
  writer.finalize();
  return gzipSync(await buffer(writer), { level: 9 });
}
