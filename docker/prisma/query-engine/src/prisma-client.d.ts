/** The glue that npm's `@prisma/client` ships beside its WebAssembly engine. */
declare module '@prisma/client/runtime/query_engine_bg.postgresql.js' {
  const glue: WebAssembly.ModuleImports & {
    __wbg_set_wasm(exports: WebAssembly.Exports): void;
    QueryEngine: new (options: object, log: (line: string) => void, adapter: object) => import('./wasm.js').WasmEngine;
  };
  export default glue;
}
