import { isDeepStrictEqual } from 'node:util';
import { type Entrypoint, entrypoints } from './bundle.ts';
import type { PolicyResult } from './decision.ts';
import type { MemoryLimits, PolicyInstance, PolicyModule } from './module.ts';
import type { Json } from './plain-json.ts';
import { parseResultSet } from './result.ts';

/** The module gave up within an evaluation. Its message is what the module or its host threw, which may be any value. */
export class EvaluationAborted extends Error {
  override readonly name = 'EvaluationAborted';

  constructor(thrown: unknown) {
    super(thrown instanceof Error ? thrown.message : textOf(thrown), { cause: thrown });
  }
}

/** Evaluates one compiled policy with one set of parameters. */
export type Engine = {
  /**
   * Throws EvaluationAborted or MalformedResult, and never returns a result that is not one. After a throw the next
   * evaluation starts afresh.
   */
  evaluate(entrypoint: Entrypoint, input: Json): PolicyResult;
  /** How many instances were made so far, and how large the live one is. */
  state(): { instancesMade: number; memoryPages: number };
};

/**
 * Makes an engine with its first instance. Throws when that does not take the parameters or does not refuse an empty
 * input.
 *
 * Invariants: parameters are loaded only into an instance that was just made, and it serves only after they were read
 * back out of it and it was seen to refuse. An instance that threw, gave a malformed result or grew too large serves
 * no more: a throw leaks the stack of the WASM module, which is unusable after some hundred of them.
 */
export function createEngine(module: PolicyModule, data: Json, memory: MemoryLimits): Engine {
  let instancesMade = 0;
  let live: PolicyInstance | null = makeInstance();

  function makeInstance(): PolicyInstance {
    instancesMade += 1;
    const instance = module.instantiate();
    try {
      instance.load(data);
    } catch (thrown) {
      throw new EvaluationAborted(thrown);
    }
    if (!isDeepStrictEqual(instance.loaded(), data)) {
      throw new Error('The parameters that were put into the policy are not what it holds.');
    }
    for (const entrypoint of Object.values(entrypoints)) {
      if (ask(instance, entrypoint, {}).allow) {
        throw new Error(`The entrypoint ${entrypoint} allows an empty input.`);
      }
    }
    return instance;
  }

  return {
    evaluate(entrypoint, input) {
      const instance = live ?? makeInstance();
      // Put back only after all went well, so that no way out of here keeps a broken instance.
      live = null;
      const result = ask(instance, entrypoint, input);
      if (instance.memoryPages() <= memory.replacedAbovePages) live = instance;
      return result;
    },
    state: () => ({ instancesMade, memoryPages: live?.memoryPages() ?? 0 }),
  };
}

function ask(instance: PolicyInstance, entrypoint: Entrypoint, input: Json): PolicyResult {
  let resultSet: unknown;
  try {
    resultSet = instance.evaluate(entrypoint, input);
  } catch (thrown) {
    throw new EvaluationAborted(thrown);
  }
  return parseResultSet(resultSet);
}

function textOf(thrown: unknown): string {
  return typeof thrown === 'string' ? thrown : (JSON.stringify(thrown) ?? String(thrown));
}
