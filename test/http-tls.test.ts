import assert from 'node:assert/strict';
import { once } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import { type Agent, request } from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'node:tls';
import { generate } from 'selfsigned';
import { OperatorError } from '../src/errors.ts';
import { startTestGateway } from './support/gateway.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

type Pair = { certificate: string; key: string };

async function authority(): Promise<Pair> {
  const made = await generate([{ name: 'commonName', value: 'test authority' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, critical: true },
    ],
  });
  return { certificate: made.cert, key: made.private };
}

async function issue(ca: Pair, name: string): Promise<Pair> {
  const made = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    algorithm: 'sha256',
    ca: { key: ca.key, cert: ca.certificate },
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
  });
  return { certificate: made.cert, key: made.private };
}

/** Writes the pair as a deployment would: both files in place, one after the other. */
function install(directory: string, pair: Pair): { certFile: string; keyFile: string } {
  const certFile = join(directory, 'tls.crt');
  const keyFile = join(directory, 'tls.key');
  for (const [file, text] of [
    [keyFile, pair.key],
    [certFile, pair.certificate],
  ] as const) {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  }
  return { certFile, keyFile };
}

function get(url: string, ca: Pair, client: Pair | null): Promise<number> {
  return new Promise((resolve, reject) => {
    const asking = request(`${url}/livez`, {
      ca: ca.certificate,
      agent: false as unknown as Agent,
      ...(client === null ? {} : { cert: client.certificate, key: client.key }),
    });
    asking.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asking.on('error', reject);
    asking.end();
  });
}

async function servedName(url: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

test('a changed pair of files is served without a restart; a broken one never', async () => {
  using directory = temporaryDirectory();
  const ca = await authority();
  const files = install(directory.path, await issue(ca, 'first'));
  await using portcullis = await startTestGateway({ tls: files });
  const { url } = portcullis.gateway;
  assert.match(url, /^https:/);
  assert.equal(await get(url, ca, null), 200);
  assert.equal(await servedName(url), 'first');

  const second = await issue(ca, 'second');
  writeFileSync(files.keyFile, second.key);
  while (!portcullis.log.some((line) => line.level === 'error')) await delay(50);
  assert.equal(await servedName(url), 'first', 'a key without its certificate is no pair');

  install(directory.path, second);
  while ((await servedName(url)) !== 'second') await delay(50);
  assert.equal(await get(url, ca, null), 200);
});

test('with client authorities, a client without a certificate of theirs gets no answer', async () => {
  using directory = temporaryDirectory();
  const [ca, otherCa] = [await authority(), await authority()];
  const files = install(directory.path, await issue(ca, 'server'));
  const clientCaFile = join(directory.path, 'clients.crt');
  writeFileSync(clientCaFile, ca.certificate);
  await using portcullis = await startTestGateway({ tls: { ...files, clientCaFile } });
  const { url } = portcullis.gateway;
  assert.equal(await get(url, ca, await issue(ca, 'client')), 200);
  await assert.rejects(get(url, ca, null));
  await assert.rejects(get(url, ca, await issue(otherCa, 'client')));
});

test('a start with files that cannot be used says which', async () => {
  using directory = temporaryDirectory();
  const ca = await authority();
  const files = install(directory.path, await issue(ca, 'first'));
  writeFileSync(files.keyFile, (await issue(ca, 'other')).key);
  const saying = (pattern: RegExp) => (error: unknown) =>
    error instanceof OperatorError && pattern.test(error.message);
  await assert.rejects(startTestGateway({ tls: files }), saying(/tls\.crt and .*tls\.key are no pair/));
  await assert.rejects(
    startTestGateway({ tls: { ...files, keyFile: '/nonexistent' } }),
    saying(/\/nonexistent cannot be read/),
  );
});
