import { createRequire } from 'node:module';
import { type Entrypoint, entrypoints, PolicyBundleError } from './bundle.ts';
import type { Json } from './plain-json.ts';

/** Sizes in WebAssembly pages of 64 KiB. */
export type MemoryLimits = {
  initialPages: number;
  /** What no instance can grow beyond. */
  maximumPages: number;
  /** An instance that grew beyond this is replaced: WebAssembly memory never shrinks. */
  replacedAbovePages: number;
};

/** One instance of the compiled policy. Throws whatever opa-wasm throws: often strings, never to be trusted after. */
export type PolicyInstance = {
  /** The raw result set of one entrypoint. */
  evaluate(entrypoint: Entrypoint, input: Json): unknown;
  /** Puts `data` into this instance, in which nothing was loaded before. */
  load(data: Json): void;
  /** The document that is in the instance's memory, read back. */
  loaded(): unknown;
  memoryPages(): number;
};

/** A policy compiled once; instances of it take a fraction of a millisecond. */
export type PolicyModule = { instantiate(): PolicyInstance };

// Its ES module has no named export of this function, and its types have no default one.
const { loadPolicySync } = createRequire(import.meta.url)(
  '@open-policy-agent/opa-wasm',
) as typeof import('@open-policy-agent/opa-wasm');

const pageBytes = 65_536;
const hostFunctions = new Set([0, 1, 2, 3, 4].map((arity) => `opa_builtin${arity}`)).add('opa_abort');

/**
 * Compiles the module of a bundle. Throws PolicyBundleError unless it is a policy of ABI 1.2 or 1.3
 * (https://www.openpolicyagent.org/docs/wasm, "ABI") that answers exactly the two entrypoints and needs no function of
 * its host: JavaScript's reading of a built-in is not OPA's, and a missing one would only show when a rule reaches it.
 */
export async function compileModule(wasm: Uint8Array, limits: MemoryLimits): Promise<PolicyModule> {
  const module = await WebAssembly.compile(wasm).catch((error: unknown) => {
    throw new PolicyBundleError('its policy.wasm does not compile. Fetch or build it again.', error);
  });
  refuseForeignInterface(module);
  try {
    refuseForeignPolicy(instantiate(module, limits));
  } catch (error) {
    if (error instanceof PolicyBundleError) throw error;
    throw new PolicyBundleError('its policy.wasm cannot be started.', error);
  }
  return { instantiate: () => asInstance(instantiate(module, limits)) };
}

type Loaded = {
  policy: ReturnType<typeof loadPolicySync>;
  exports: Readonly<Record<string, unknown>>;
};

function instantiate(module: WebAssembly.Module, limits: MemoryLimits): Loaded {
  const memory = { initial: limits.initialPages, maximum: limits.maximumPages };
  const policy = loadPolicySync(module, memory);
  const { exports } = policy.wasmInstance as WebAssembly.Instance;
  return { policy, exports };
}

function asInstance(loaded: Loaded): PolicyInstance {
  const { policy } = loaded;
  return {
    // By name: the numbers of entrypoints change from build to build.
    evaluate: (entrypoint, input) => policy.evaluate(input, entrypoint) as unknown,
    load: (data) => policy.setData(data as object),
    loaded: () => read(loaded, policy.dataAddr),
    memoryPages: () => policy.mem.buffer.byteLength / pageBytes,
  };
}

function refuseForeignInterface(module: WebAssembly.Module): void {
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    const known = from === 'env' && (kind === 'function' ? hostFunctions.has(name) : name === 'memory');
    if (!known) throw new PolicyBundleError(`its policy.wasm asks its host for ${from}.${name}.`);
  }
  const exported = new Set(WebAssembly.Module.exports(module).map(({ name }) => name));
  for (const name of ['opa_eval', 'opa_json_dump', 'builtins', 'entrypoints', 'opa_wasm_abi_version']) {
    if (!exported.has(name))
      throw new PolicyBundleError(`its policy.wasm is no compiled policy: no ${name}.`);
  }
}

function refuseForeignPolicy(loaded: Loaded): void {
  const { policy, exports } = loaded;
  if (policy.minorVersion !== 2 && policy.minorVersion !== 3) {
    throw new PolicyBundleError(
      `its policy.wasm is of ABI 1.${policy.minorVersion}, and 1.2 or 1.3 is needed.`,
    );
  }
  const builtins = Object.keys(read(loaded, call(exports, 'builtins')) as object);
  if (builtins.length > 0) {
    throw new PolicyBundleError(
      `its rules use ${builtins.join(', ')}, which the compiled policy cannot evaluate itself. Build it with policies/capabilities.json: npm run policy:build.`,
    );
  }
  const wanted = Object.values(entrypoints).toSorted().join(', ');
  const found = Object.keys(policy.entrypoints as object)
    .toSorted()
    .join(', ');
  if (found !== wanted) {
    throw new PolicyBundleError(`its policy.wasm answers ${found || 'nothing'}, and ${wanted} is needed.`);
  }
}

/** A value in the instance's memory, as the instance itself writes it. */
function read({ policy, exports }: Loaded, address: number): unknown {
  const start = call(exports, 'opa_json_dump', address);
  const memory = new Uint8Array(policy.mem.buffer);
  const text = new TextDecoder('utf-8', { fatal: true }).decode(
    memory.subarray(start, memory.indexOf(0, start)),
  );
  return JSON.parse(text);
}

function call(exports: Readonly<Record<string, unknown>>, name: string, ...args: number[]): number {
  const exported = exports[name];
  if (typeof exported !== 'function') throw new TypeError(`${name} is no function`);
  return Number(Reflect.apply(exported, undefined, args));
}
