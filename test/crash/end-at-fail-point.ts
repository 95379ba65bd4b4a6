import { subscribe } from 'node:diagnostics_channel';
import { writeSync } from 'node:fs';

// Loaded before the gateway by `node --import`. Ends the process, without a chance to do anything more, when it reaches
// the fail point CRASH_AT=name:n for the n-th time. It says so first, on the third descriptor.
const [name, times] = (process.env.CRASH_AT ?? '').split(':');
let left = Number(times);
subscribe('portcullis:fail-point', (reached) => {
  if (reached !== name) return;
  left -= 1;
  if (left !== 0) return;
  writeSync(3, 'reached');
  process.kill(process.pid, 'SIGKILL');
  // The signal is delivered before the system call returns; should it not be, nothing more happens all the same.
  for (;;);
});
