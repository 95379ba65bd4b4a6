import type { ParseArgsConfig } from 'node:util';
import { OperatorError } from '../errors.ts';

/** Where a command reads its environment, and writes what it has to say. */
export type CommandContext = {
  environment: Readonly<Record<string, string | undefined>>;
  stdout: (line: string) => void;
  stderr: (line: string) => void;
  /** Aborts when the process is asked to end (SIGINT, SIGTERM). */
  signal: AbortSignal;
};

export type OptionValues = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

/** One command of the command line. `run` throws CommandError for what the user can mend; the process then exits 1. */
export type Command = {
  /** As typed, e.g. `audit list`. */
  name: string;
  summary: string;
  /** Shown by `--help` below the summary: arguments, options, examples. */
  help: string;
  options: NonNullable<ParseArgsConfig['options']>;
  /** How many positional arguments it takes. */
  positionals: { min: number; max: number };
  run(values: OptionValues, positionals: readonly string[], context: CommandContext): Promise<void>;
};

/** A command that cannot be carried out as it was given. */
export class CommandError extends OperatorError {
  override readonly name = 'CommandError';
}

/** The text of an option that was declared as a string; null when it was not given. */
export function textOption(values: OptionValues, option: string): string | null {
  const value = values[option];
  return typeof value === 'string' ? value : null;
}

/** A port number (0: any free one); null when not given. Throws CommandError. */
export function portOption(values: OptionValues, option: string): number | null {
  const text = textOption(values, option);
  if (text === null) return null;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535))
    throw new CommandError(`--${option} ${text} is no port. Give a number from 0 to 65535.`);
  return port;
}

/** Resolves when the process is asked to end. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
