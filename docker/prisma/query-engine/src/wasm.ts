/** Loads the official engine, compiled to WebAssembly, and types what is used of it. */
import { readFile } from 'node:fs/promises';

import glue from '@prisma/client/runtime/query_engine_bg.postgresql.js';

import type { Adapter } from './adapter.js';

/** The engine's methods; each takes and answers JSON text, one argument is a trace context. */
export interface WasmEngine {
  connect(trace: string): Promise<void>;
  query(body: string, trace: string, transaction?: string): Promise<string>;
  startTransaction(options: string, trace: string): Promise<string>;
  commitTransaction(id: string, trace: string): Promise<string>;
  rollbackTransaction(id: string, trace: string): Promise<string>;
}

/** The engine's code has trapped: what it was doing will never be answered. */
export class EnginePanic extends Error {
  constructor() {
    super('The query engine panicked. This is a bug of the engine; it ends, and its client starts another one.');
  }
}

const FILE = 'query_engine_bg.postgresql.wasm';

/** Compiles the engine that lies in `folder`; takes a few milliseconds, machine code follows as it is used. */
export async function compileEngine(folder: string): Promise<void> {
  const { instance } = await WebAssembly.instantiate(await readFile(`${folder}/${FILE}`), {
    './query_engine_bg.js': glue,
  });
  glue.__wbg_set_wasm(instance.exports);
}

/**
 * Makes an engine for a data model; there can be one in a process. Throws Error when it finds the data model invalid.
 * `log` is told of every statement, with its arguments, where it is given.
 */
export function createEngine(datamodel: string, adapter: Adapter, log: ((line: string) => void) | undefined): WasmEngine {
  const options = {
    datamodel,
    logLevel: log === undefined ? 'error' : 'info',
    logQueries: log !== undefined,
    ignoreEnvVarErrors: true,
    overrideDatasources: {},
    env: {},
    configDir: '.',
    engineProtocol: 'json',
  };
  const { provider, adapterName, queryRaw, executeRaw, startTransaction, getConnectionInfo } = adapter;
  // The engine never asks for errors by their number; only its own client does.
  const errorRegistry = { consumeError: () => undefined };
  return new glue.QueryEngine(options, log ?? (() => undefined), {
    provider, adapterName, queryRaw, executeRaw, startTransaction, getConnectionInfo, errorRegistry,
  });
}

/** Answers every pending call with EnginePanic when `panic` is called; a trap leaves its own call pending for ever. */
export function guarded(engine: WasmEngine): { engine: WasmEngine; panic: () => void } {
  const pending = new Set<(error: Error) => void>();
  const guard = <T>(answer: Promise<T>): Promise<T> =>
    new Promise((succeed, fail) => {
      pending.add(fail);
      answer.then(succeed, fail).finally(() => pending.delete(fail));
    });
  return {
    engine: {
      connect: (trace) => guard(engine.connect(trace)),
      query: (body, trace, transaction) => guard(engine.query(body, trace, transaction)),
      startTransaction: (options, trace) => guard(engine.startTransaction(options, trace)),
      commitTransaction: (id, trace) => guard(engine.commitTransaction(id, trace)),
      rollbackTransaction: (id, trace) => guard(engine.rollbackTransaction(id, trace)),
    },
    panic: () => {
      for (const fail of pending) fail(new EnginePanic());
    },
  };
}
