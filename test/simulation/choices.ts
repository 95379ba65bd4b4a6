/**
 * Every choice of a run, out of the numbers that fast-check generated: the same numbers make the same run. A zero is
 * always the harmless choice, and so is every one after the last number, so that shrinking takes trouble out of a run.
 */
export type Choices = {
  /** From 0, inclusive, to `count`, exclusive. */
  below(count: number): number;
  /** True for `share` of 256 numbers, and never for zero. */
  chance(share: number): boolean;
  /** One of the list; the first is the harmless one. */
  pick<T>(list: readonly [T, ...T[]]): T;
};

/** `numbers`: integers from 0 to 255. */
export function createChoices(numbers: readonly number[]): Choices {
  let next = 0;
  function draw(): number {
    const drawn = numbers[next] ?? 0;
    next += 1;
    return drawn;
  }
  return {
    below: (count) => draw() % count,
    chance: (share) => share > 0 && draw() >= 256 - share,
    pick: (list) => list[draw() % list.length] ?? list[0],
  };
}
