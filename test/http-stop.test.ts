import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Emulator } from '../src/emulator/server.ts';
import { operator, startTestGateway } from './support/gateway.ts';

const target = '/v1/regions/cn-hangzhou/enhanced-vpn-gateways/vpn-demodeletable1';

/** A raw request over `agent`, so that the connection can be kept. */
function send(
  url: string,
  agent: Agent,
  token: string,
  path = target,
): Promise<{ status: number; body: string; connection: string | undefined }> {
  return new Promise((resolve, reject) => {
    const sending = request(new URL(path, url), {
      method: 'DELETE',
      agent,
      headers: { authorization: `Bearer ${token}` },
    });
    sending.on('response', (response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body, connection: response.headers.connection }),
      );
    });
    sending.on('error', reject);
    sending.end();
  });
}

/** Resolves when the cloud was asked for this. */
async function asked(cloud: Emulator, action: string): Promise<void> {
  while (!cloud.journal.entries().some((entry) => entry.action === action)) await delay(5);
}

test('a stop finishes what is in flight, refuses what comes later, and then listens no more', async () => {
  const portcullis = await startTestGateway();
  const { gateway, cloud } = portcullis;
  const token = await portcullis.token(operator);
  using agents = new DisposableStack();
  const busy = agents.adopt(new Agent({ keepAlive: true }), (agent) => agent.destroy());
  const idle = agents.adopt(new Agent({ keepAlive: true }), (agent) => agent.destroy());

  cloud.faults.add({ kind: 'latency', action: 'DeleteEnhancedVpnGateway', ms: 700 });
  const inFlight = send(gateway.url, busy, token);
  // The facts are read by then, so the request is in the midst of it.
  await asked(cloud, 'DescribeVpnConnections');
  const stopped = portcullis[Symbol.asyncDispose]();
  await assert.rejects(send(gateway.url, idle, token), 'a new connection is not taken');
  const answer = await inFlight;
  assert.equal(answer.status, 200, answer.body);
  assert.equal(JSON.parse(answer.body).state, 'accepted');
  await stopped;
  assert.equal(cloud.journal.effects().length, 1);
  await assert.rejects(fetch(gateway.url), 'nobody listens any more');
});

test('a request that comes over a busy connection while the gateway stops is refused with 503', async () => {
  const portcullis = await startTestGateway();
  const { gateway, cloud } = portcullis;
  const token = await portcullis.token(operator);
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname);
  const ask = (path: string) =>
    void socket.write(`DELETE ${path} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer ${token}\r\n\r\n`);
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  cloud.faults.add({ kind: 'latency', action: 'DeleteEnhancedVpnGateway', ms: 700 });
  ask(target);
  await asked(cloud, 'DescribeVpnConnections');
  const stopped = portcullis[Symbol.asyncDispose]();
  ask(target.replace('deletable1', 'deletable2'));
  await once(socket, 'close');
  await stopped;
  assert.match(text, /^HTTP\/1\.1 200 [\s\S]*HTTP\/1\.1 503 [\s\S]*SHUTTING_DOWN/);
  assert.equal(cloud.journal.effects().length, 1, 'the second began nothing');
});
