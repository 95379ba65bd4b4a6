/** A system call on a file or a socket, as `strace -f -y` writes it; calls that were interrupted are whole again. */
type Call = { name: string; target: string; text: string };

const whole = /^\d+ +(\w+)\(\d+<([^>]*)>?(.*)$/;
const unfinished = /^(\d+) +(\w+)\((.*) <unfinished \.\.\.>$/;
const resumed = /^(\d+) +<\.\.\. (\w+) resumed>(.*)$/;

/** The calls of a trace in the order of their ends: a sync holds from its end on, and so does a write. */
function callsOf(lines: readonly string[]): Call[] {
  const open = new Map<string, string>();
  return lines.flatMap((line) => {
    const begun = unfinished.exec(line);
    if (begun !== null) {
      open.set(begun[1] ?? '', `${begun[1]} ${begun[2]}(${begun[3]}`);
      return [];
    }
    const end = resumed.exec(line);
    const text = end === null ? line : `${open.get(end[1] ?? '') ?? ''}${end[3]}`;
    const parts = whole.exec(text);
    return parts === null ? [] : [{ name: parts[1] ?? '', target: parts[2] ?? '', text: parts[3] ?? '' }];
  });
}

/**
 * What left the process before what it rests on was on the disk: the deletion that went to the cloud, and the answer to
 * its caller. The trace must hold pwrite64, fsync, fdatasync and the writes to sockets, with their file names (`-y`).
 * Throws where it holds no deletion, no answer or no write to the write-ahead log.
 */
export function sentBeforeDurable(lines: readonly string[]): string[] {
  const unsynced = new Map<string, number>();
  const broken: string[] = [];
  let written = 0;
  let sent = 0;
  let answered = 0;
  for (const { name, target, text } of callsOf(lines)) {
    const isLedger = /portcullis\.db(-wal)?$/.test(target);
    if (isLedger && name === 'pwrite64') {
      written += 1;
      unsynced.set(target, (unsynced.get(target) ?? 0) + 1);
    }
    if (isLedger && (name === 'fsync' || name === 'fdatasync')) unsynced.delete(target);
    const what = name.startsWith('write') || name.startsWith('send') ? leaving(text) : null;
    if (what === null) continue;
    if (what === 'deletion') sent += 1;
    else answered += 1;
    const waiting = [...unsynced].map(([file, count]) => `${count} writes to ${file.split('/').at(-1)}`);
    if (waiting.length > 0) broken.push(`The ${what} left before ${waiting.join(' and ')} were on the disk.`);
    if (written === 0) broken.push(`The ${what} left before anything was written.`);
    written = 0;
  }
  if (sent === 0 || answered === 0)
    throw new Error(`The trace holds ${sent} deletions and ${answered} answers.`);
  return broken;
}

function leaving(text: string): 'deletion' | 'answer' | null {
  if (text.includes('ClientToken=')) return 'deletion';
  return /"HTTP\/1\.1 20[02] /.test(text) ? 'answer' : null;
}
