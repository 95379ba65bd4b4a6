import { Agent, request } from 'node:http';
import openapi, { Config, OpenApiRequest, Params } from '@alicloud/openapi-client';
import { RuntimeOptions } from '@alicloud/tea-util';
import { emulatorDefaults } from '../src/emulator/server.ts';
import type { Work } from './load.ts';
import type { System } from './system.ts';

const agent = new Agent({ keepAlive: true, maxSockets: 256 });

/** A deletion through the gateway; throws unless the answer has that status. */
export function throughGateway(
  system: System,
  token: keyof System['tokens'],
  gateway: (index: number) => string,
  status: number,
): Work {
  const authorization = `Bearer ${system.tokens[token]}`;
  return async (index) => {
    const path = `/v1/regions/cn-hangzhou/enhanced-vpn-gateways/${gateway(index)}`;
    const answer = await send(system.url + path, 'DELETE', { authorization }, '');
    if (answer.status !== status) throw new Error(`${path} was answered ${answer.status}: ${answer.text}`);
  };
}

/** The same decision from `opa run --server`. */
export function throughOpa(url: string, input: unknown): Work {
  const body = JSON.stringify({ input });
  return async () => {
    const answer = await send(
      `${url}/v1/data/portcullis/decision`,
      'POST',
      { 'content-type': 'application/json' },
      body,
    );
    if (answer.status !== 200 || !answer.text.includes('"allow":'))
      throw new Error(`OPA answered ${answer.text}`);
  };
}

/** The three calls that a deletion costs, made directly with the official client: the first two side by side. */
export function directly(system: System): Work {
  const [keys] = emulatorDefaults.accessKeys;
  const client = new openapi.default(
    new Config({
      accessKeyId: keys?.accessKeyId ?? '',
      accessKeySecret: keys?.accessKeySecret ?? '',
      endpoint: system.emulatorEndpoint,
      protocol: 'http',
      regionId: 'cn-hangzhou',
    }),
  );
  const runtime = new RuntimeOptions({ connectTimeout: 10_000, readTimeout: 10_000 });
  const call = async (action: string, query: Record<string, string>) => {
    const params = new Params({
      action,
      version: '2016-04-28',
      protocol: 'HTTPS',
      pathname: '/',
      method: 'POST',
      authType: 'AK',
      style: 'RPC',
      reqBodyType: 'formData',
      bodyType: 'json',
    });
    await client.callApi(params, new OpenApiRequest({ query }), runtime);
  };
  return async (index) => {
    const target = { RegionId: 'cn-hangzhou', VpnGatewayId: `vpn-bench${index}` };
    await Promise.all([call('DescribeVpnGateway', target), call('DescribeVpnConnections', target)]);
    await call('DeleteEnhancedVpnGateway', { ...target, ClientToken: `bench-${index}` });
  };
}

function send(
  url: string,
  method: string,
  headers: Record<string, string>,
  body: string,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const sending = request(url, { method, agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.on('error', reject);
    });
    sending.on('error', reject);
    sending.end(body);
  });
}
