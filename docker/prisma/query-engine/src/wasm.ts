/** Loads the official engine, compiled to WebAssembly, and types what is used of it. */
import { readFile } from 'node:fs/promises';

import glue from '@prisma/client/runtime/query_engine_bg.postgresql.js';

import type { Adapter } from './adapter.js';

/** The engine's methods; each takes and answers JSON text, its last argument is a trace context. */
export interface WasmEngine {
  connect(trace: string): Promise<void>;
  disconnect(trace: string): Promise<void>;
  query(body: string, trace: string, transaction?: string): Promise<string>;
  startTransaction(options: string, trace: string): Promise<string>;
  commitTransaction(id: string, trace: string): Promise<string>;
  rollbackTransaction(id: string, trace: string): Promise<string>;
}

const FILE = 'query_engine_bg.postgresql.wasm';

/** Compiles the engine that lies in `folder`; takes a few milliseconds, machine code follows as it is used. */
export async function compileEngine(folder: string): Promise<void> {
  const { instance } = await WebAssembly.instantiate(await readFile(`${folder}/${FILE}`), {
    './query_engine_bg.js': glue,
  });
  glue.__wbg_set_wasm(instance.exports);
}

/** Makes an engine for a data model; throws Error when the engine finds the data model invalid. */
export function createEngine(datamodel: string, log: (line: string) => void, logQueries: boolean, adapter: Adapter): WasmEngine {
  const options = {
    datamodel,
    logLevel: logQueries ? 'info' : 'error',
    logQueries,
    ignoreEnvVarErrors: true,
    overrideDatasources: {},
    env: {},
    configDir: '.',
    engineProtocol: 'json',
  };
  return new glue.QueryEngine(options, log, { ...adapter, errorRegistry: { consumeError: () => undefined } });
}
