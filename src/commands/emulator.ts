import { demoSeed } from '../emulator/demo-seed.ts';
import { emulatorDefaults, startEmulator } from '../emulator/server.ts';
import { aborted, type Command, portOption } from './command.ts';

const defaultPort = 8090;

/** `portcullis emulator`: the stand-in cloud alone, for trying clients and faults. */
export const emulator: Command = {
  name: 'emulator',
  summary: 'Run the emulator of the VPC API alone.',
  help: `Usage: portcullis emulator [--port N]

  --port N   where to listen on loopback (default ${defaultPort})

It verifies signatures with the key pair it prints, and starts with the demo's gateways. Faults are scripted at
/_emulator/faults, and what took effect is read at /_emulator/journal.`,
  options: { port: { type: 'string' } },
  positionals: { min: 0, max: 0 },
  async run(values, _positionals, { stdout, signal }) {
    await using cloud = await startEmulator({
      ...emulatorDefaults,
      port: portOption(values, 'port') ?? defaultPort,
      now: Date.now,
      seed: demoSeed(Date.now),
    });
    const [keys] = emulatorDefaults.accessKeys;
    stdout(
      `The emulator answers at ${cloud.url} with the key ${keys?.accessKeyId} / ${keys?.accessKeySecret}.`,
    );
    await aborted(signal);
  },
};
