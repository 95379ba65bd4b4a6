import { cpus } from 'node:os';
import { directly, throughGateway, throughOpa } from './calls.ts';
import { printLedger } from './ledger.ts';
import { closedLoop, latencies, median, openLoop, type Work } from './load.ts';
import { policyEvaluation, sampleInput } from './policy-evaluation.ts';
import { startOpa, startSystem } from './system.ts';

// npm run bench [-- --quick] [-- --only ledger]: every figure is the median over rounds in which the compared things take turns.
const quick = process.argv.includes('--quick');
if (process.argv.includes('ledger')) {
  await printLedger(quick);
  process.exit();
}
const rounds = quick ? 2 : 4;
const perRound = quick ? 100 : 400;
const perSecond = 50;
const concurrency = 16;
const burst = quick ? 200 : 1_000;
/** Of each subject, before anything counts: V8 optimises what has run a few thousand times, the policy's WASM too. */
const warmUp = quick ? 300 : 3_000;

// Five subjects take gateways, whether they delete them or not.
await using system = await startSystem(5 * (rounds * (perRound + burst) + warmUp));
await using opa = await startOpa();
let used = 0;

/** Takes that many gateways that nobody has deleted yet. */
function take(count: number): number {
  const first = used;
  used += count;
  return first;
}

const bench = (index: number) => `vpn-bench${index}`;
const deletion = throughGateway(system, 'operator', bench, 200);
const direct = directly(system);
const subjects: readonly { name: string; work: Work }[] = [
  { name: 'refusal at admission', work: throughGateway(system, 'stranger', () => 'vpn-demoprotected1', 403) },
  { name: 'refusal after facts', work: throughGateway(system, 'operator', () => 'vpn-demoprepaid1', 403) },
  { name: 'deletion', work: deletion },
  { name: 'direct: the three SDK calls', work: direct },
  ...(opa === null
    ? []
    : [{ name: 'opa run --server, same decision', work: throughOpa(opa.url, sampleInput) }]),
];

for (const { work } of subjects) await closedLoop(work, take(warmUp), warmUp, concurrency);

const measured = subjects.map(({ name, work }) => ({
  name,
  work,
  p50: [] as number[],
  p99: [] as number[],
  rate: [] as number[],
}));
for (let round = 0; round < rounds; round += 1) {
  for (const subject of measured) {
    const { p50, p99 } = latencies(await openLoop(subject.work, take(perRound), perRound, perSecond));
    subject.p50.push(p50);
    subject.p99.push(p99);
    subject.rate.push(await closedLoop(subject.work, take(burst), burst, concurrency));
  }
}
const evaluation = await policyEvaluation(quick ? 5_000 : 50_000);

const spread = (values: readonly number[], digits: number) =>
  `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)})`;
console.log(
  `${cpus().length} cores (${cpus()[0]?.model}), Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`,
);
console.log(
  `Latency in ms at ${perSecond} requests a second, measured from when each was due; throughput with ${concurrency} callers.`,
);
console.log(`Median over ${rounds} rounds (lowest–highest).\n`);
console.log('| | p50 ms | p99 ms | a second |\n|---|---|---|---|');
for (const { name, p50, p99, rate } of measured) {
  console.log(`| ${name} | ${spread(p50, 2)} | ${spread(p99, 2)} | ${spread(rate, 0)} |`);
}
console.log(
  `| policy evaluation in process | ${evaluation.p50.toFixed(3)} | ${evaluation.p99.toFixed(3)} | |`,
);

const [through, without] = [
  measured.find((one) => one.work === deletion),
  measured.find((one) => one.work === direct),
];
if (through !== undefined && without !== undefined) {
  const added = (key: 'p50' | 'p99') =>
    through[key].map((ms, round) => ms - (without[key][round] ?? Number.NaN));
  console.log(
    `\nAdded by the gateway to the three calls of a deletion: p50 ${spread(added('p50'), 2)} ms, p99 ${spread(added('p99'), 2)} ms.`,
  );
  const ratio = through.rate.map((rate, round) => rate / (without.rate[round] ?? Number.NaN));
  console.log(`Deletions a second through the gateway over direct ones: ${spread(ratio, 2)}.`);
}

console.log('');
await printLedger(quick);
