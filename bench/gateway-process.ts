import { createWriteStream } from 'node:fs';
import { z } from 'zod';
import { startGateway } from '../src/app.ts';
import { checkConfig } from '../src/config.ts';
import { emulatorDefaults } from '../src/emulator/server.ts';
import { createLogger } from '../src/log.ts';

// The gateway as `portcullis serve` runs it, but for two things: it signs with the emulator's keys, and it answers
// what its memory is after a collection.
const settings = z
  .object({ config: z.looseObject({}), logFile: z.string() })
  .parse(JSON.parse(process.argv[2] ?? ''));
const [keys] = emulatorDefaults.accessKeys;
if (keys === undefined) throw new Error('The emulator has no access key.');
const config = checkConfig(settings.config as never);
const gateway = await startGateway(config, {
  log: createLogger('info', createWriteStream(settings.logFile)),
  now: Date.now,
  credentials: { kind: 'static', ...keys, securityToken: null },
});
process.on('message', (message) => {
  if (message === 'memory') {
    globalThis.gc?.();
    process.send?.(process.memoryUsage());
  }
  if (message === 'stop') {
    void gateway[Symbol.asyncDispose]().then(() => process.disconnect());
  }
});
process.send?.({ url: gateway.url });
