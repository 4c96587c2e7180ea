/** The part of the WebAssembly interface that is used here; Node's types leave it to the browser's. */
declare namespace WebAssembly {
  type ModuleImports = Record<string, unknown>;
  type Exports = Readonly<Record<string, unknown>>;
  function instantiate(code: Uint8Array, imports: Record<string, ModuleImports>): Promise<{ instance: { exports: Exports } }>;
}
