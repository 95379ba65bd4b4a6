import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestGateway } from './support/gateway.ts';

test('metrics are on a listener of their own and count what happened', async () => {
  await using portcullis = await startTestGateway();
  await portcullis.remove('vpn-demodeletable1');
  await portcullis.remove('vpn-demoprotected1');
  await portcullis.send('delete', '/v1/regions/cn-hangzhou/enhanced-vpn-gateways/vpn-a', {
    Authorization: 'Bearer a.b.c',
  });
  await portcullis.send('get', `/nowhere/${'x'.repeat(50)}`);
  const text = await (await fetch(portcullis.gateway.metricsUrl)).text();
  const route = '/v1/regions/{regionId}/enhanced-vpn-gateways/{vpnGatewayId}';
  for (const line of [
    `portcullis_http_requests_total{method="DELETE",route="${route}",status="200",code=""} 1`,
    `portcullis_http_requests_total{method="DELETE",route="${route}",status="403",code="POLICY_DENIED"} 1`,
    'portcullis_calls_total{outcome="accepted"} 1',
    'portcullis_operations{state="accepted"} 1',
    'portcullis_operations{state="needs_attention"} 0',
    `portcullis_policy_info{revision="${portcullis.gateway.policyRevision}"} 1`,
  ]) {
    assert.ok(
      text.includes(line),
      `${line} in\n${text
        .split('\n')
        .filter((one) => one.startsWith('portcullis'))
        .join('\n')}`,
    );
  }
  assert.match(text, /portcullis_authentication_refusals_total\{reason="\w+"\} 1/);
  assert.ok(!text.includes('nowhere'), 'a path from outside makes no series');
  assert.equal((await fetch(`${portcullis.gateway.url}/metrics`)).status, 404, 'callers do not see them');
  assert.equal((await fetch(portcullis.gateway.metricsUrl.replace('/metrics', '/'))).status, 404);
});
