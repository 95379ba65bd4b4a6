import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { type EndpointSettings, endpointFor, endpointProblems } from '../src/upstream/endpoints.ts';

const official = { endpoint: null, stsEndpoint: null, protocol: 'https', network: 'public' } as const;

type OfficialClient = { _endpoint: string; _endpointMap: Record<string, string> };
const vpc: { default: new (config: object) => OfficialClient } = createRequire(import.meta.url)(
  '@alicloud/vpc20160428',
);
const officialClient = (regionId: string, network: string) =>
  new vpc.default({ regionId, network, accessKeyId: 'a', accessKeySecret: 'b' });

test('every region has the endpoint that the official client gives it, in both networks', () => {
  const listed = Object.keys(officialClient('eu-central-1', 'public')._endpointMap);
  assert.ok(listed.length > 30);
  for (const network of ['public', 'vpc'] as const) {
    for (const region of [...listed, 'eu-central-1', 'ap-southeast-1', 'cn-shanghai', 'us-east-1']) {
      assert.deepEqual(
        endpointFor({ ...official, network }, 'Vpc', region),
        { protocol: 'https', host: officialClient(region, network)._endpoint },
        `${region} ${network}`,
      );
    }
  }
});

test('STS is asked in the same region', () => {
  const host = (network: 'public' | 'vpc') =>
    endpointFor({ ...official, network }, 'Sts', 'eu-central-1').host;
  assert.equal(host('public'), 'sts.eu-central-1.aliyuncs.com');
  assert.equal(host('vpc'), 'sts-vpc.eu-central-1.aliyuncs.com');
});

test('configured endpoints stand for every region, each service its own', () => {
  const settings = { ...official, endpoint: 'vpc.example:8443' };
  assert.deepEqual(endpointFor(settings, 'Vpc', 'cn-hangzhou'), {
    protocol: 'https',
    host: 'vpc.example:8443',
  });
  assert.equal(endpointFor(settings, 'Sts', 'cn-shanghai').host, 'sts.cn-shanghai.aliyuncs.com');
});

test('official endpoints are https even where loopback may be http', () => {
  assert.equal(endpointFor({ ...official, protocol: 'http' }, 'Vpc', 'cn-shanghai').protocol, 'https');
});

const bad: [Partial<EndpointSettings>, RegExp][] = [
  [{ endpoint: 'http://127.0.0.1:1' }, /no host and port/],
  [{ endpoint: '127.0.0.1:1/prefix' }, /no host and port/],
  [{ endpoint: 'user@127.0.0.1:1' }, /no host and port/],
  [{ endpoint: '' }, /no host and port/],
  [{ endpoint: 'a b' }, /no host and port/],
  [{ endpoint: '127.0.0.1:99999' }, /no host and port/],
  [{ stsEndpoint: 'x/y' }, /STS endpoint/],
  [{ endpoint: 'vpc.example', protocol: 'http' }, /plain http/],
  [{ endpoint: '10.0.0.1:80', protocol: 'http' }, /plain http/],
  [{ endpoint: '127.0.0.1.evil.example', protocol: 'http' }, /plain http/],
  [{ endpoint: '[::2]:80', protocol: 'http' }, /plain http/],
];
for (const [change, words] of bad) {
  test(`refused at the start: ${JSON.stringify(change)}`, () => {
    const problems = endpointProblems({ ...official, ...change }, ['eu-central-1']);
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? '', words);
  });
}

test('accepted: loopback over http, anything over https', () => {
  for (const endpoint of ['127.0.0.1:8081', 'localhost:1', '[::1]:8081', '127.8.8.8']) {
    const settings = { ...official, protocol: 'http', endpoint, stsEndpoint: endpoint } as const;
    assert.deepEqual(endpointProblems(settings, ['eu-central-1']), [], endpoint);
  }
  assert.deepEqual(endpointProblems({ ...official, endpoint: 'vpc.example:443' }, ['cn-shanghai']), []);
});

test('regions that could form another host name are refused, all at once', () => {
  const regions = ['', 'eu central', 'a.b', 'a/b', 'EU', 'a#', 'a@b', '-a', 'a-', 'x'.repeat(65)];
  assert.equal(endpointProblems(official, regions).length, regions.length);
  assert.equal(endpointProblems(official, []).length, 1);
});
