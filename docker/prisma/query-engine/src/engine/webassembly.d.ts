/** The part of the WebAssembly interface that is used here; Node's types leave it to the browser's. */
declare namespace WebAssembly {
  type ModuleImports = Record<string, unknown>;
  type Exports = Readonly<Record<string, unknown>>;
  class Module {}
  function compile(code: Uint8Array): Promise<Module>;
  function instantiate(code: Module, imports: Record<string, ModuleImports>): Promise<{ exports: Exports }>;
}
