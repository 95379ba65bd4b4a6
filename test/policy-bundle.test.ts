import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { type Header, pack } from 'tar-stream';
import { unpack } from '../src/policy/authoring/archive.ts';
import { bundleLimits, PolicyBundleError, readBundle } from '../src/policy/bundle.ts';
import { loadPolicy, policyOptions } from '../src/policy/runtime.ts';
import { changeBundle, fixtureBundle } from './support/policy.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const good = await fixtureBundle('traps');
const members = await unpack(good);
const [wasm, manifestText, dataText] = ['/policy.wasm', '/.manifest', '/data.json'].map(
  (name) => members.get(name) ?? Buffer.alloc(0),
);
const manifest: object = JSON.parse(String(manifestText));
const data: { portcullis: { parameters: Record<string, unknown> } } = JSON.parse(String(dataText));

const changed = (changes: Parameters<typeof changeBundle>[1]) => changeBundle(good, changes);
const withManifest = (changes: object) =>
  changed({ '/.manifest': JSON.stringify({ ...manifest, ...changes }) });
const withData = (text: string) => changed({ '/data.json': text });

/** An archive of the given entries after those that a bundle needs. */
async function archiveWith(
  ...entries: (Partial<Header> & { name: string; content?: string | Buffer })[]
): Promise<Buffer> {
  const writer = pack();
  const needed = [
    { name: '.manifest', content: manifestText },
    { name: 'data.json', content: dataText },
    { name: 'policy.wasm', content: wasm },
  ];
  for (const { content, ...header } of [...needed, ...entries]) writer.entry(header, content ?? '');
  writer.finalize();
  return gzipSync(await buffer(writer));
}

function refuses(pattern: RegExp): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof PolicyBundleError, String(error));
    assert.match(error.message, /^This policy bundle is not used: /);
    assert.match(error.message, pattern);
    return true;
  };
}

test('a bundle is read from bytes, from a path and from a URL, and its digest is of its bytes', async () => {
  using directory = temporaryDirectory();
  const file = join(directory.path, 'bundle.tar.gz');
  await writeFile(file, good);
  const digest = createHash('sha256').update(good).digest('hex');
  for (const source of [good, new Uint8Array(good), file, new URL(`file://${file}`)]) {
    const policy = await loadPolicy(source);
    assert.deepEqual([policy.revision, policy.digest], ['fixture-traps', digest]);
  }
});

test('members may be named with a slash, with a dot and a slash, or plainly', async () => {
  assert.equal((await loadPolicy(await archiveWith())).revision, 'fixture-traps');
  const writer = pack();
  for (const [name, content] of members) writer.entry({ name: `.${name}` }, content);
  writer.finalize();
  assert.equal((await loadPolicy(gzipSync(await buffer(writer)))).revision, 'fixture-traps');
});

const [admission, decision] = ['portcullis/admission', 'portcullis/decision'].map((entrypoint) => ({
  entrypoint,
  module: '/policy.wasm',
}));

const refused: [string, () => Buffer | Promise<Buffer>, RegExp][] = [
  ['nothing', () => Buffer.alloc(0), /no complete gzip/],
  ['no gzip', () => gunzipSync(good), /no complete gzip/],
  ['a gzip cut off', () => good.subarray(0, good.length - 9), /no complete gzip/],
  ['a gzip with a wrong checksum', () => flip(good, good.length - 6), /no complete gzip/],
  ['a gzip with something behind it', () => Buffer.concat([good, Buffer.alloc(3)]), /follows the end/],
  ['text behind the gzip', () => Buffer.concat([good, Buffer.from('more')]), /no complete gzip/],
  ['a gzip of no tar', () => gzipSync('x'.repeat(2048)), /tar archive is damaged/],
  ['a tar cut off', () => gzipSync(gunzipSync(good).subarray(0, 60_000)), /tar archive is damaged/],
  ['a tar header with a wrong checksum', () => gzipSync(flip(gunzipSync(good), 3)), /tar archive is damaged/],
  ['an empty tar', () => gzipSync(Buffer.alloc(1024)), /it has no \.manifest/],
  ['no manifest', () => changed({ '/.manifest': null }), /it has no \.manifest/],
  ['no data', () => changed({ '/data.json': null }), /it has no data\.json/],
  ['no module', () => changed({ '/policy.wasm': null }), /it has no policy\.wasm/],
  ['a member twice', () => archiveWith({ name: 'data.json', content: '{}' }), /data\.json is there twice/],
  ['a member twice by two names', () => archiveWith({ name: '/data.json' }), /data\.json is there twice/],
  ['an unknown member', () => changed({ '/README.md': 'x' }), /"\/README\.md" is none that is understood/],
  ['data in a folder', () => changed({ '/portcullis/data.json': '{}' }), /is none that is understood/],
  ['data in YAML', () => changed({ '/data.yaml': 'a: 1' }), /is none that is understood/],
  ['a second module', () => changed({ '/other.wasm': wasm ?? '' }), /is none that is understood/],
  ['a delta', () => changed({ '/patch.json': '{"data":[]}' }), /is none that is understood/],
  ['signatures', () => changed({ '/.signatures.json': '{"signatures":[]}' }), /is none that is understood/],
  ['a way out', () => archiveWith({ name: '../x.rego' }), /path .* is not a plain one/],
  ['a way out from within', () => archiveWith({ name: 'a/../../x.rego' }), /path .* is not a plain one/],
  ['two slashes', () => archiveWith({ name: 'a//x.rego' }), /path .* is not a plain one/],
  ['a backslash', () => archiveWith({ name: 'a\\x.rego' }), /path .* is not a plain one/],
  ['a control character', () => archiveWith({ name: 'a\n.rego' }), /path .* is not a plain one/],
  ['a link', () => archiveWith({ name: 'x.rego', type: 'symlink', linkname: 'y' }), /is no file but symlink/],
  ['a hard link', () => archiveWith({ name: 'x.rego', type: 'link', linkname: 'y' }), /is no file but link/],
  ['a folder', () => archiveWith({ name: 'rules.rego', type: 'directory' }), /is no file but directory/],
  ['a device', () => archiveWith({ name: 'x.rego', type: 'character-device' }), /is no file but character/],
  ['a manifest that is no JSON', () => changed({ '/.manifest': 'revision' }), /\.manifest cannot be read/],
  ['a manifest that is no object', () => changed({ '/.manifest': '[]' }), /\.manifest is not as expected/],
  ['an empty revision', () => withManifest({ revision: '' }), /\.manifest is not as expected/],
  ['a revision that is no text', () => withManifest({ revision: 7 }), /\.manifest is not as expected/],
  ['no revision', () => withManifest({ revision: undefined }), /\.manifest is not as expected/],
  ['foreign roots', () => withManifest({ roots: ['other'] }), /\.manifest is not as expected/],
  ['no roots', () => withManifest({ roots: [] }), /\.manifest is not as expected/],
  ['Rego v0', () => withManifest({ rego_version: 0 }), /\.manifest is not as expected/],
  ['an unknown member of it', () => withManifest({ metadata: {} }), /\.manifest is not as expected/],
  ['no entrypoints', () => withManifest({ wasm: [] }), /does not name the entrypoint portcullis\/admission/],
  ['one entrypoint', () => withManifest({ wasm: [admission] }), /entrypoint portcullis\/decision once/],
  ['one twice', () => withManifest({ wasm: [admission, decision, decision] }), /portcullis\/decision once/],
  [
    'another module',
    () => withManifest({ wasm: [admission, { ...decision, module: '/other.wasm' }] }),
    /\.manifest is not as expected/,
  ],
  ['data that is no JSON', () => withData('{'), /data\.json cannot be read: it is not JSON/],
  ['data with a byte order mark', () => withData(`\ufeff${String(dataText)}`), /data\.json cannot be read/],
  ['data that is no UTF-8', () => changed({ '/data.json': Buffer.from([0x22, 0xff, 0x22]) }), /not JSON in/],
  ['data with a lone surrogate', () => withData('{"a":"\\ud800"}'), /has a lone surrogate/],
  ['data beyond 2^53', () => withData('{"a":9007199254740993}'), /\/a is an integer beyond 2\^53/],
  ['data beyond any number', () => withData('{"a":1e400}'), /\/a is not a finite number/],
  ['data with a prototype', () => withData('{"__proto__":{"portcullis":{}}}'), /has a forbidden member/],
  ['data too deep', () => withData(`${'['.repeat(40)}${']'.repeat(40)}`), /lies deeper than 32 levels/],
  ['no parameters', () => withData('{}'), /data\.schema\.json says/],
  [
    'parameters that are null',
    () => withData('{"portcullis":{"parameters":null}}'),
    /data\.schema\.json says/,
  ],
  ['a lost list', () => withData(lacking('region_allowed')), /must have required property 'region_allowed'/],
  ['more than parameters', () => withData(JSON.stringify({ ...data, more: 1 })), /data\.schema\.json says/],
  ['an empty module', () => changed({ '/policy.wasm': '' }), /policy\.wasm does not compile/],
  ['a module that is none', () => changed({ '/policy.wasm': 'wasm' }), /policy\.wasm does not compile/],
  ['a module cut off', () => changed({ '/policy.wasm': wasm?.subarray(0, 9_999) ?? '' }), /does not compile/],
  [
    'a module without content',
    () => changed({ '/policy.wasm': Buffer.from('\0asm\x01\0\0\0', 'latin1') }),
    /is no compiled policy/,
  ],
];

for (const [what, make, message] of refused) {
  test(`refused: ${what}`, async () => {
    await assert.rejects(loadPolicy(await make()), refuses(message));
  });
}

test('refused: a module that wants a function of its host', async () => {
  await assert.rejects(loadPolicy(await fixtureBundle('host-builtin')), refuses(/its rules use sprintf,/));
});

test('refused: a module that prints', async () => {
  await assert.rejects(
    loadPolicy(await fixtureBundle('prints')),
    refuses(/its rules use internal\.print,|opa_println/),
  );
});

test('refused: a third entrypoint, named in the manifest or hidden from it', async () => {
  const third = await fixtureBundle('third-entrypoint');
  await assert.rejects(loadPolicy(third), refuses(/\.manifest is not as expected/));
  const hidden = await changeBundle(third, { '/.manifest': JSON.stringify(manifest) });
  await assert.rejects(loadPolicy(hidden), refuses(/answers .*portcullis\/third, and /));
});

test('refused: a policy that allows what lost its fields', async () => {
  await assert.rejects(loadPolicy(await fixtureBundle('allows-empty')), refuses(/allows an empty input/));
});

test('limits hold: bytes packed and unpacked, and members', async () => {
  const bomb = gzipSync(Buffer.alloc(bundleLimits.unpackedBytes + 1));
  await assert.rejects(readBundle(bomb), refuses(/unpacks to more than the 67108864 bytes/));
  const packed = { ...bundleLimits, archiveBytes: good.length };
  assert.equal((await readBundle(good, packed)).revision, 'fixture-traps');
  packed.archiveBytes -= 1;
  await assert.rejects(readBundle(good, packed), refuses(/more than the \d+ allowed/));
  const sources = Array.from({ length: 5 }, (_, index) => ({ name: `${index}.rego` }));
  const limits = { ...bundleLimits, members: 8 };
  assert.equal((await readBundle(await archiveWith(...sources), limits)).revision, 'fixture-traps');
  const more = await archiveWith(...sources, { name: 'more.rego' });
  await assert.rejects(readBundle(more, limits), refuses(/more than the 8 members/));
});

test('a file that is not there, no file or too large is named', async () => {
  using directory = temporaryDirectory();
  const file = join(directory.path, 'bundle.tar.gz');
  await assert.rejects(
    loadPolicy(file),
    refuses(/bundle\.tar\.gz cannot be read \(ENOENT.*PORTCULLIS_POLICY/),
  );
  await assert.rejects(loadPolicy(directory.path), refuses(/cannot be read/));
  await writeFile(file, good);
  const options = { ...policyOptions, bundle: { ...bundleLimits, archiveBytes: 100 } };
  await assert.rejects(
    loadPolicy(file, options),
    refuses(/bundle\.tar\.gz has \d+ bytes, more than the 100/),
  );
});

function flip(bytes: Buffer, index: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[index] = (copy[index] ?? 0) ^ 1;
  return copy;
}

function lacking(rule: string): string {
  const parameters = { ...data.portcullis.parameters };
  delete parameters[rule];
  return JSON.stringify({ portcullis: { parameters } });
}
