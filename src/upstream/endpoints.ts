import { isIP } from 'node:net';

/** Where the cloud is found. Null endpoints are the official ones. */
export type EndpointSettings = {
  /** `host:port` of the VPC API, without scheme or path. */
  endpoint: string | null;
  /** `host:port` of the STS API. */
  stsEndpoint: string | null;
  /** For the two above; `http` is accepted for loopback addresses only. Official endpoints are always `https`. */
  protocol: 'http' | 'https';
  /** For the official endpoints; `vpc` reaches the API from inside a VPC without crossing the internet. */
  network: 'public' | 'vpc';
};

export type Endpoint = { protocol: 'http' | 'https'; host: string };

/**
 * Regions whose VPC endpoint does not follow the rule `vpc.<region>.aliyuncs.com`, by endpoint. From the endpoint
 * table of the official client `@alicloud/vpc20160428`; a test compares the two.
 */
const exceptions: Readonly<Record<string, readonly string[]>> = {
  'vpc.aliyuncs.com': [
    'cn-hangzhou',
    'cn-shanghai-finance-1',
    'cn-shenzhen-finance-1',
    'cn-north-2-gov-1',
    'ap-northeast-2-pop',
    'cn-beijing-finance-pop',
    'cn-beijing-gov-1',
    'cn-beijing-nu16-b01',
    'cn-fujian',
    'cn-haidian-cm12-c01',
    'cn-hangzhou-bj-b01',
    'cn-hangzhou-finance',
    'cn-hangzhou-internal-prod-1',
    'cn-hongkong-finance-pop',
    'cn-shanghai-et2-b01',
    'cn-shanghai-inner',
    'cn-shenzhen-inner',
    'cn-shenzhen-st4-d01',
    'cn-shenzhen-su18-b01',
    'cn-wuhan',
    'cn-yushanfang',
    'cn-zhangbei',
    'cn-zhangbei-na61-b01',
    'rus-west-1-pop',
  ],
  'vpc-nebula.cn-qingdao-nebula.aliyuncs.com': [
    'cn-edge-1',
    'cn-huhehaote-nebula-1',
    'cn-qingdao-nebula',
    'cn-zhengzhou-nebula-1',
  ],
  'vpc-nebula.cn-shenzhen-cloudstone.aliyuncs.com': ['eu-west-1-oxs'],
  'vpc-pre.cn-hangzhou.aliyuncs.com': [
    'cn-hangzhou-internal-test-1',
    'cn-hangzhou-internal-test-3',
    'cn-hangzhou-test-306',
    'cn-shanghai-et15-b01',
    'cn-shanghai-internal-test-1',
  ],
  'vpc-inner-pre.cn-hangzhou.aliyuncs.com': ['cn-hangzhou-internal-test-2'],
  'vpc.cn-zhangjiakou.aliyuncs.com': ['cn-zhangjiakou-na62-a01'],
};

const endpointByRegion = new Map(
  Object.entries(exceptions).flatMap(([host, regions]) => regions.map((region) => [region, host] as const)),
);

/** Shape of a region id; whatever else it is, it can form no other host name than one below aliyuncs.com. */
const regionPattern = /^[a-z0-9]+(-[a-z0-9]+)*$/;

/**
 * Everything that is wrong with the settings, in words; empty when they can be used. Checked at the start, so that a
 * bad endpoint is a message at once and not a failed deletion later.
 */
export function endpointProblems(settings: EndpointSettings, regions: readonly string[]): string[] {
  const problems: string[] = [];
  if (regions.length === 0) {
    problems.push('No region is allowed, so nothing can be deleted. List at least one region.');
  }
  for (const region of regions) {
    if (!regionPattern.test(region) || region.length > 64) {
      problems.push(`"${region}" is no region id. Write it as the cloud does, for example "eu-central-1".`);
    }
  }
  for (const [service, host] of [
    ['VPC', settings.endpoint],
    ['STS', settings.stsEndpoint],
  ] as const) {
    if (host === null) continue;
    const name = hostName(host);
    if (name === null) {
      problems.push(
        `The ${service} endpoint "${host}" is no host and port. Write host:port, without scheme or path.`,
      );
    } else if (settings.protocol === 'http' && !isLoopback(name)) {
      problems.push(
        `The ${service} endpoint "${host}" would be reached over plain http. Use https, or a loopback address.`,
      );
    }
  }
  return problems;
}

/** The endpoint for a region that has been found in the configured list. Follows the official client's rule. */
export function endpointFor(
  settings: EndpointSettings,
  service: 'Vpc' | 'Sts',
  allowedRegionId: string,
): Endpoint {
  const configured = service === 'Vpc' ? settings.endpoint : settings.stsEndpoint;
  if (configured !== null) return { protocol: settings.protocol, host: configured };
  const network = settings.network === 'vpc' ? '-vpc' : '';
  const regular = `${service.toLowerCase()}${network}.${allowedRegionId}.aliyuncs.com`;
  const host = service === 'Vpc' ? (endpointByRegion.get(allowedRegionId) ?? regular) : regular;
  return { protocol: 'https', host };
}

/** The host of `host`, `host:port` or `[v6]:port`; null when it is anything more or else. */
function hostName(endpoint: string): string | null {
  if (!/^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?$/.test(endpoint)) return null;
  const url = URL.parse(`http://${endpoint}/`);
  return url === null || url.hostname === '' ? null : url.hostname;
}

function isLoopback(name: string): boolean {
  if (name === 'localhost' || name === '[::1]') return true;
  return isIP(name) === 4 && name.startsWith('127.');
}
