/*
 * What is used of the WebAssembly API (webassembly.github.io/spec/js-api). TypeScript declares it for browsers only.
 */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array)
  }
  class Instance {
    constructor(module: Module, imports?: Record<string, Record<string, unknown>>)
    readonly exports: Record<string, unknown>
  }
  class Memory {
    constructor(descriptor: { initial: number; maximum?: number; shared?: boolean })
    readonly buffer: ArrayBuffer
  }
  function instantiate(bytes: Uint8Array): Promise<{ readonly instance: Instance }>
}
