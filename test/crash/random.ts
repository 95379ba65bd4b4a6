/** A reproducible source of chance: the same seed gives the same numbers. */
export type Random = {
  /** From 0, inclusive, to `limit`, exclusive, in whole numbers; 0 when there is nothing below. */
  below(limit: number): number;
  /** From `least` to `most`, both inclusive, in whole numbers. */
  between(least: number, most: number): number;
  chance(probability: number): boolean;
};

/** Mulberry32: a small generator with 32 bits of state, good enough for choosing moments. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    below: (limit) => Math.floor(next() * limit),
    between: (least, most) => least + Math.floor(next() * (most - least + 1)),
    chance: (probability) => next() < probability,
  };
}
