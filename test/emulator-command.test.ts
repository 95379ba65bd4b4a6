import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { test } from 'node:test';
import vpc from '@alicloud/vpc20160428';
import { runCommand, startCommand } from './support/command-line.ts';
import { officialClient, region } from './support/emulator.ts';

test('portcullis emulator prints where it answers and with which key, and ends when asked', async () => {
  await using emulator = startCommand(['emulator', '--port', '0']);
  const text = await emulator.printed(/Ctrl-C/);
  const [, url = '', port = ''] = /answers at (http:\/\/127\.0\.0\.1:(\d+))/.exec(text) ?? [];
  const [, accessKeyId = '', accessKeySecret = ''] = /key (\S+) \/ (\S+)\./.exec(text) ?? [];
  assert.notEqual(port, '0');
  const client = officialClient(Number(port), {
    accessKeyId,
    accessKeySecret,
    accountId: '',
    securityToken: null,
  });
  const { body } = await client.describeVpnGateways(new vpc.DescribeVpnGatewaysRequest({ regionId: region }));
  assert.ok((body?.totalCount ?? 0) > 0, 'it begins with the gateways of the demo');

  const journal = await fetch(`${url}/_emulator/journal`);
  assert.equal(journal.status, 200);
  // As printed, for a person to paste.
  const [, fault = '', faults = ''] = /-d '([^']+)' (\S+)$/m.exec(text) ?? [];
  const headers = { 'content-type': 'application/json' };
  const scripted = await fetch(faults, { method: 'POST', headers, body: fault });
  assert.equal(scripted.status, 201, await scripted.text());

  emulator.process.kill('SIGTERM');
  const { exitCode, stderr } = await emulator.finished;
  assert.deepEqual([exitCode, stderr], [0, '']);
});

test('portcullis emulator says when its port is taken, and what to do', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  const { exitCode, stdout, stderr } = await runCommand(['emulator', '--port', String(port)]);
  taken.close();
  assert.deepEqual([exitCode, stdout], [1, '']);
  assert.match(stderr, new RegExp(`127\\.0\\.0\\.1:${port} \\(EADDRINUSE\\)\\. Choose another port`));
});
