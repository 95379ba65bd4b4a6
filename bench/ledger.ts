import { startPostgres, withoutPostgres } from '../test/support/postgres.ts';
import { directly, throughGateway } from './calls.ts';
import { closedLoop, latencies, median, openLoop, timedLoop } from './load.ts';
import { startSystem } from './system.ts';

const callers = [1, 16, 64];
const steadyPerSecond = 200;

/** Prints durable deletions a second and their latency on both databases, and what the gateway adds at a steady rate. */
export async function printLedger(quick: boolean): Promise<void> {
  console.log('Durable deletions (intent and outcome committed and synced), emulator latency 0:\n');
  console.log('| | callers | a second | p50 ms | p99 ms |\n|---|---|---|---|---|');
  await printDatabase('SQLite', null, quick);
  const missing = withoutPostgres();
  if (missing !== false) {
    console.log(`\nPostgreSQL is not measured: ${missing}.`);
    return;
  }
  await using server = await startPostgres();
  await printDatabase('PostgreSQL', await server.createDatabase(), quick);
}

async function printDatabase(name: string, databaseUrl: string | null, quick: boolean): Promise<void> {
  const rounds = quick ? 1 : 3;
  const burst = quick ? 300 : 1_500;
  const warmUp = quick ? 300 : 3_000;
  const steady = quick ? 400 : 1_200;
  const gateways = warmUp * 2 + rounds * (callers.length * burst + 2 * steady);
  await using system = await startSystem(gateways, databaseUrl);
  const deletion = throughGateway(system, 'operator', (index) => `vpn-bench${index}`, 200);
  const direct = directly(system);
  let used = 0;
  const take = (count: number) => {
    used += count;
    return used - count;
  };
  await closedLoop(deletion, take(warmUp), warmUp, 16);
  await closedLoop(direct, take(warmUp), warmUp, 16);
  for (const concurrency of callers) {
    const runs: { perSecond: number; p50: number; p99: number }[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const count = concurrency === 1 ? Math.ceil(burst / 3) : burst;
      const { perSecond, samples } = await timedLoop(deletion, take(count), count, concurrency);
      runs.push({ perSecond, ...latencies(samples) });
    }
    const middle = (key: 'perSecond' | 'p50' | 'p99') => median(runs.map((run) => run[key]));
    console.log(
      `| ${name} | ${concurrency} | ${middle('perSecond').toFixed(0)} | ${middle('p50').toFixed(2)} | ${middle('p99').toFixed(2)} |`,
    );
  }
  const added = { p50: [] as number[], p99: [] as number[] };
  for (let round = 0; round < rounds; round += 1) {
    const through = latencies(await openLoop(deletion, take(steady), steady, steadyPerSecond));
    const without = latencies(await openLoop(direct, take(steady), steady, steadyPerSecond));
    added.p50.push(through.p50 - without.p50);
    added.p99.push(through.p99 - without.p99);
  }
  console.log(
    `| ${name}: added to the three SDK calls at ${steadyPerSecond} a second | | | ${median(added.p50).toFixed(2)} | ${median(added.p99).toFixed(2)} |`,
  );
}
