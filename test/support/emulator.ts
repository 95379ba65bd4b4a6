import assert from 'node:assert/strict';
import { Config } from '@alicloud/openapi-client';
import vpc from '@alicloud/vpc20160428';
import type { VpnGateway } from '../../src/emulator/cloud.ts';
import { demoSeed } from '../../src/emulator/demo-seed.ts';
import {
  type Emulator,
  type EmulatorOptions,
  emulatorDefaults,
  startEmulator,
} from '../../src/emulator/server.ts';
import type { AccessKey } from '../../src/emulator/signature.ts';
import type { WireAnswer } from './rpc-wire.ts';

export const region = 'cn-hangzhou';
const [first] = emulatorDefaults.accessKeys;
export const key: AccessKey = first;
/** A second key of the same account, a temporary one, and the key of another account. */
export const secondKey: AccessKey = { ...key, accessKeyId: 'LTAI-SECOND', accessKeySecret: 'second-secret' };
export const temporaryKey: AccessKey = {
  ...key,
  accessKeyId: 'STS.TEMPORARY',
  accessKeySecret: 'temporary-secret',
  securityToken: 'the+security/token=',
};
export const foreignKey: AccessKey = {
  ...key,
  accessKeyId: 'LTAI-FOREIGN',
  accessKeySecret: 'foreign-secret',
  accountId: '9999999999999999',
};

export type Clock = { now: () => number; advance(ms: number): void };

/** A clock that stands until it is moved. It starts at the real time, which clients sign their requests with. */
export function frozenClock(startMs = Date.now()): Clock {
  let nowMs = startMs;
  return {
    now: () => nowMs,
    advance(ms) {
      nowMs += ms;
    },
  };
}

/** A gateway of the demo under another id and in another state. */
export function gateway(vpnGatewayId: string, changes: Partial<VpnGateway> = {}): VpnGateway {
  const [like] = demoSeed(Date.now).gateways;
  if (like === undefined) throw new Error('The demo has no gateway.');
  return { ...like, vpnGatewayId, name: vpnGatewayId, tags: [], ...changes };
}

/** An emulator with exactly these gateways in three regions, four keys of two accounts, and the demo's times. */
export async function emulatorWith(
  gateways: readonly VpnGateway[],
  { clock = frozenClock(), ...changes }: { clock?: Clock } & Partial<EmulatorOptions> = {},
): Promise<Emulator> {
  return startEmulator({
    ...emulatorDefaults,
    accessKeys: [key, secondKey, temporaryKey, foreignKey],
    port: 0,
    now: clock.now,
    seed: { regions: [region, 'eu-central-1', 'ap-southeast-1'], gateways },
    ...changes,
  });
}

type VpcClient = InstanceType<typeof vpc.default>;

/** The official client of the VPC API as anyone would set it up for an endpoint of their own. */
export function officialClient(
  port: number,
  { accessKeyId, accessKeySecret, securityToken }: AccessKey = key,
): VpcClient {
  const token = securityToken === null ? {} : { securityToken };
  return new vpc.default(
    // Its own Config class is not exported by the package that declares it; the fields are the same.
    new Config({
      accessKeyId,
      accessKeySecret,
      ...token,
      endpoint: `127.0.0.1:${port}`,
      protocol: 'http',
      regionId: region,
    }) as unknown as ConstructorParameters<typeof vpc.default>[0],
  );
}

/** Refused in the API's own form, and without any effect. */
export function assertRefused(
  cloud: Emulator,
  answer: WireAnswer,
  status: number,
  code: string,
  message: RegExp,
): void {
  const { RequestId, HostId, Code, Message, Recommend, ...rest } = answer.body;
  assert.deepEqual([answer.status, Code], [status, code], answer.text);
  assert.match(Message ?? '', message);
  assert.match(RequestId ?? '', /^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/);
  assert.match(HostId ?? '', /^[\w.]+(:\d+)?$/);
  assert.equal(Recommend, `https://error-center.aliyun.com/status/search?Keyword=${code}&source=PopGw`);
  assert.deepEqual(rest, {});
  assert.match(answer.headers['content-type'] ?? '', /^application\/json/);
  assert.deepEqual(cloud.journal.effects(), []);
  assert.equal(cloud.journal.entries().at(-1)?.code, code);
}

/** How the message begins that tells a client what the server would have signed. */
export const mismatch =
  /^Specified signature is not matched with our calculation\. server string to sign is:/;
