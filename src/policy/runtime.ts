import { open } from 'node:fs/promises';
import { Problem } from '../errors.ts';
import { policySchemasDirectory } from '../package-files.ts';
import {
  type BundleLimits,
  bundleLimits,
  type Entrypoint,
  entrypoints,
  PolicyBundleError,
  readBundle,
} from './bundle.ts';
import type { Policy, PolicyResult } from './decision.ts';
import { createEngine, type Engine } from './engine.ts';
import { compileModule, type MemoryLimits } from './module.ts';
import { type Json, NotPlainJson, plainJson } from './plain-json.ts';
import { MalformedResult } from './result.ts';
import { type FormCheck, loadSchemas } from './schemas.ts';

/** A loaded policy. It never changes: another bundle is another LivePolicy. */
export type LivePolicy = Policy & {
  /** SHA-256 of the bundle's bytes, lower-case hex. */
  readonly digest: string;
  /** Milliseconds since the epoch (UTC). */
  readonly loadedAtMs: number;
  /** Evaluates both entrypoints on an empty input, which must be refused; never throws. `detail` is for operators. */
  health(): { ok: boolean; detail: string };
  /** How many instances of the module were made, and the pages of 64 KiB that the live one holds (0: none now). */
  state(): { instancesMade: number; memoryPages: number };
};

export type PolicyOptions = {
  /** Milliseconds since the epoch. */
  now: () => number;
  bundle: BundleLimits;
  memory: MemoryLimits;
};

/** 4 MiB serve a usual request many times over; 64 MiB is what the largest input that the schemas let in may take. */
export const policyOptions: PolicyOptions = {
  now: Date.now,
  bundle: bundleLimits,
  memory: { initialPages: 16, maximumPages: 1024, replacedAbovePages: 64 },
};

/**
 * Loads a bundle from a file or from its bytes, checks it through and has it refuse an empty input. Rejects with
 * PolicyBundleError, whose message says what is wrong with it.
 */
export async function loadPolicy(
  source: string | URL | Uint8Array,
  options: PolicyOptions = policyOptions,
): Promise<LivePolicy> {
  const archive = source instanceof Uint8Array ? source : await readArchive(source, options.bundle);
  const bundle = await readBundle(archive, options.bundle);
  const schemas = await loadSchemas(policySchemasDirectory);
  const fault = schemas.data(bundle.data);
  if (fault !== null) {
    throw new PolicyBundleError(`its data.json is not as policies/schemas/data.schema.json says: ${fault}.`);
  }
  const module = await compileModule(bundle.wasm, options.memory);
  const engine = firstEngine(() => createEngine(module, bundle.data, options.memory));
  const ask = questions(engine);
  return {
    revision: bundle.revision,
    digest: bundle.digest,
    loadedAtMs: options.now(),
    admission: (input) => ask(entrypoints.admission, input, schemas.admission),
    decision: (input) => ask(entrypoints.decision, input, schemas.decision),
    health: () => health(engine, bundle.revision),
    state: () => engine.state(),
  };
}

/** Asks one question at a time. An evaluation begun inside another would run in the memory of the first. */
function questions(engine: Engine) {
  let asking = false;
  return (entrypoint: Entrypoint, input: unknown, check: FormCheck): PolicyResult => {
    if (asking) throw unavailable('an evaluation was begun inside another one');
    asking = true;
    try {
      const evaluated = asPlainJson(input);
      const fault = check(evaluated);
      if (fault !== null) throw unavailable(`its input is not of the expected form (${fault})`);
      return evaluate(engine, entrypoint, evaluated);
    } finally {
      asking = false;
    }
  };
}

function asPlainJson(input: unknown): Json {
  try {
    return plainJson(input);
  } catch (error) {
    const why = error instanceof NotPlainJson ? ` (${error.message})` : '';
    throw unavailable(`its input is not plain JSON${why}`, error);
  }
}

function evaluate(engine: Engine, entrypoint: Entrypoint, input: Json): PolicyResult {
  try {
    return engine.evaluate(entrypoint, input);
  } catch (error) {
    const malformed = error instanceof MalformedResult;
    throw unavailable(malformed ? 'it gave no valid result' : 'its evaluation was aborted', error);
  }
}

function unavailable(reason: string, cause?: unknown): Problem {
  const detail = `Policy could not be evaluated, so nothing was deleted: ${reason}. Send the request again; if it lasts, give the operator the requestId.`;
  return new Problem('POLICY_UNAVAILABLE', detail, cause === undefined ? {} : { cause });
}

function health(engine: Engine, revision: string): { ok: boolean; detail: string } {
  try {
    for (const entrypoint of Object.values(entrypoints)) {
      if (engine.evaluate(entrypoint, {}).allow)
        return { ok: false, detail: `${entrypoint} allows an empty input` };
    }
    return { ok: true, detail: `revision ${revision}` };
  } catch {
    return { ok: false, detail: `revision ${revision} cannot be evaluated; the log has the cause` };
  }
}

function firstEngine(make: () => Engine): Engine {
  try {
    return make();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new PolicyBundleError(`its first evaluation failed: ${why}`, error);
  }
}

async function readArchive(file: string | URL, limits: BundleLimits): Promise<Uint8Array> {
  try {
    await using handle = await open(file);
    const { size } = await handle.stat();
    if (size > limits.archiveBytes) {
      throw new PolicyBundleError(
        `${String(file)} has ${size} bytes, more than the ${limits.archiveBytes} allowed.`,
      );
    }
    return await handle.readFile();
  } catch (error) {
    if (error instanceof PolicyBundleError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new PolicyBundleError(
      `${String(file)} cannot be read (${why}). Set PORTCULLIS_POLICY_BUNDLE right.`,
      error,
    );
  }
}
