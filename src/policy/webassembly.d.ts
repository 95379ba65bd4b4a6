/** The part of WebAssembly that is used here: TypeScript declares it only together with the whole browser. */
declare namespace WebAssembly {
  class Module {
    static imports(module: Module): { module: string; name: string; kind: string }[];
    static exports(module: Module): { name: string; kind: string }[];
    private readonly opaque: never;
  }
  class Instance {
    readonly exports: Readonly<Record<string, unknown>>;
  }
  class Memory {
    readonly buffer: ArrayBuffer;
  }
  function compile(bytes: Uint8Array): Promise<Module>;
}
