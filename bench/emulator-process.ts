import { demoSeed } from '../src/emulator/demo-seed.ts';
import { emulatorDefaults, startEmulator } from '../src/emulator/server.ts';

// The demo's cloud, with as many deletable gateways more as the argument says: vpn-bench0, vpn-bench1, …
const count = Number(process.argv[2]);
const seed = demoSeed(Date.now);
const [template] = seed.gateways;
if (template === undefined) throw new Error('The demo has no gateway.');
const gateways = Array.from({ length: count }, (_, index) => ({
  ...template,
  vpnGatewayId: `vpn-bench${index}`,
}));
const cloud = await startEmulator({
  ...emulatorDefaults,
  port: 0,
  now: Date.now,
  seed: { ...seed, gateways: [...seed.gateways, ...gateways] },
  timings: { provisioningMs: 0, updatingMs: 0, deletingMs: 500 },
});
process.on('message', (message) => {
  if (message === 'stop') void cloud[Symbol.asyncDispose]().then(() => process.disconnect());
});
process.send?.({ port: cloud.port });
