import { throughGateway } from './calls.ts';
import { closedLoop } from './load.ts';
import { startSystem } from './system.ts';

// node bench/memory.ts: the memory of the gateway's process after a collection, over 100,000 requests of all kinds.
const total = 100_000;
const warmUp = 20_000;
const step = 10_000;
const callers = 16;

await using system = await startSystem(total);
const admission = throughGateway(system, 'stranger', () => 'vpn-demoprotected1', 403);
const facts = throughGateway(system, 'operator', () => 'vpn-demoprepaid1', 403);
const deletion = throughGateway(system, 'operator', (index) => `vpn-bench${index}`, 200);
const mixed = (index: number) => (index % 10 === 0 ? deletion : index % 3 === 0 ? facts : admission)(index);

const megabytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1);
let first: { heapUsed: number; rss: number } | null = null;
for (let done = step; done <= total; done += step) {
  await closedLoop(mixed, done - step, step, callers);
  const memory = await system.memory();
  if (done === warmUp) first = memory;
  console.log(
    `${done} requests: heap ${megabytes(memory.heapUsed)} MiB, resident ${megabytes(memory.rss)} MiB`,
  );
  if (done < total || first === null) continue;
  const grown = (before: number, after: number) => `${((after / before - 1) * 100).toFixed(1)}%`;
  console.log(
    `From ${warmUp} to ${total} requests: heap ${grown(first.heapUsed, memory.heapUsed)}, resident ${grown(first.rss, memory.rss)}.`,
  );
}
