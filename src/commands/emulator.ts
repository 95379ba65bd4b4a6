import { demoSeed } from '../emulator/demo-seed.ts';
import { emulatorDefaults, startEmulator } from '../emulator/server.ts';
import { aborted, type Command, portOption } from './command.ts';

const defaultPort = 8090;

/** `portcullis emulator`: the stand-in cloud alone, for trying clients and faults. */
export const emulator: Command = {
  name: 'emulator',
  summary: 'Run the emulator of the VPC API alone.',
  help: `Usage: portcullis emulator [--port N]

  --port N   where to listen on loopback (default ${defaultPort}; 0: any free one)

It verifies signatures with the key pair it prints, and begins with the demo's gateways at every start. Faults are
scripted at /_emulator/faults (POST, GET, DELETE): error, latency, reset, hang and answer, before or after the effect.
What took effect is read at /_emulator/journal (GET, DELETE).`,
  options: { port: { type: 'string' } },
  positionals: { min: 0, max: 0 },
  async run(values, _positionals, { stdout, signal }) {
    await using cloud = await startEmulator({
      ...emulatorDefaults,
      port: portOption(values, 'port') ?? defaultPort,
      now: Date.now,
      seed: demoSeed(Date.now),
    });
    const [key] = emulatorDefaults.accessKeys;
    stdout(`The emulator answers at ${cloud.url} with the key ${key.accessKeyId} / ${key.accessKeySecret}.
It stands for every region endpoint at once: ${cloud.cloud.regions.join(', ')}.

Have the next deletion take effect and lose its answer:

  curl -H 'Content-Type: application/json' -d '{"kind":"reset","action":"DeleteEnhancedVpnGateway","when":"after"}' ${cloud.url}/_emulator/faults

See what took effect:

  curl ${cloud.url}/_emulator/journal

Ctrl-C stops it.`);
    await aborted(signal);
  },
};
