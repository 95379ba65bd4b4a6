#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { auditList } from './commands/audit-list.ts';
import { type Command, type CommandContext, CommandError } from './commands/command.ts';
import { dbBackup, dbMigrate, dbStatus } from './commands/db.ts';
import { demo } from './commands/demo.ts';
import { emulator } from './commands/emulator.ts';
import { policyBuild, policyCheck, policyTest } from './commands/policy.ts';
import { serve } from './commands/serve.ts';
import { token } from './commands/token.ts';
import { OperatorError } from './errors.ts';

const commands: readonly Command[] = [
  demo,
  serve,
  emulator,
  token,
  policyBuild,
  policyTest,
  policyCheck,
  auditList,
  dbStatus,
  dbMigrate,
  dbBackup,
];

function usage(): string {
  const width = Math.max(...commands.map((command) => command.name.length));
  const lines = commands.map((command) => `  ${command.name.padEnd(width)}  ${command.summary}`);
  return `Usage: portcullis <command> [options]\n\n${lines.join('\n')}\n\n\`portcullis <command> --help\` says more.`;
}

async function main(args: readonly string[], context: CommandContext): Promise<void> {
  const asked = args.filter((arg) => !arg.startsWith('-')).slice(0, 2);
  const command =
    commands.find((candidate) => candidate.name === asked.join(' ')) ??
    commands.find((candidate) => candidate.name === asked[0]);
  if (command === undefined) {
    if (asked.length === 0 && (args.length === 0 || args.includes('--help') || args.includes('-h'))) {
      context.stdout(usage());
      return;
    }
    throw new CommandError(`There is no command \`${asked.join(' ')}\`.\n\n${usage()}`);
  }
  const words = command.name.split(' ').length;
  const { values, positionals } = readArguments(command, args.slice(words));
  if (values.help === true) {
    context.stdout(`${command.summary}\n\n${command.help}`);
    return;
  }
  const { min, max } = command.positionals;
  if (positionals.length < min || positionals.length > max) {
    throw new CommandError(`\`portcullis ${command.name}\` takes other arguments.\n\n${command.help}`);
  }
  await command.run(values, positionals, context);
}

function readArguments(command: Command, args: string[]) {
  try {
    return parseArgs({
      args,
      options: { ...command.options, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
      strict: true,
    });
  } catch (error) {
    throw new CommandError(`${(error as Error).message}\n\n${command.help}`);
  }
}

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

try {
  await main(process.argv.slice(2), {
    environment: process.env,
    stdout: (line) => void process.stdout.write(`${line}\n`),
    stderr: (line) => void process.stderr.write(`${line}\n`),
    signal: stop.signal,
  });
} catch (error) {
  const expected = error instanceof OperatorError;
  process.stderr.write(
    `portcullis: ${expected ? error.message : ((error as Error).stack ?? String(error))}\n`,
  );
  process.exitCode = 1;
}
