import { randomInt } from 'node:crypto';

/** A number from the environment. Throws where it is no positive integer. */
export function flag(name: string, otherwise: number): number {
  const text = process.env[name] ?? '';
  if (text === '') return otherwise;
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new Error(`${name} is ${JSON.stringify(text)}; give a positive integer.`);
  return Number(text);
}

/** The seed of this run: CRASH_SEED, to repeat one that failed, or a new one. */
export function seedOfRun(): number {
  return flag('CRASH_SEED', randomInt(1, 1_000_000_000));
}
