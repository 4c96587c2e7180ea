/**
 * Loads the official engine, compiled to WebAssembly. Its JavaScript side keeps its state in one module; evaluating
 * that anew for each instance is what makes it possible to give an instance's memory back.
 */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { compileFunction } from 'node:vm';

import type { Adapter } from './adapter.js';

/** The engine's own methods; each takes and answers JSON text, one argument is a trace context. */
export interface WasmEngine {
  connect(trace: string): Promise<void>;
  query(body: string, trace: string, transaction?: string): Promise<string>;
  startTransaction(options: string, trace: string): Promise<string>;
  commitTransaction(id: string, trace: string): Promise<string>;
  rollbackTransaction(id: string, trace: string): Promise<string>;
}

export interface Instance {
  readonly engine: WasmEngine;
  /** Bytes that the engine's memory has grown to; it never shrinks. */
  readonly memory: number;
  /** Lets go of whatever still points to the instance. */
  dispose(): void;
}

interface Glue extends WebAssembly.ModuleImports {
  __wbg_set_wasm(exports: WebAssembly.Exports): void;
  QueryEngine: new (options: object, log: (line: string) => void, adapter: object) => WasmEngine;
}

const CODE = 'query_engine_bg.postgresql.wasm';
const GLUE = 'query_engine_bg.postgresql.js';

export class EngineCode {
  private constructor(
    private readonly code: WebAssembly.Module,
    private readonly evaluate: (...parameters: unknown[]) => void,
  ) {}

  /** Compiles what lies in `folder`; takes a few milliseconds, machine code follows as it is used. */
  static async load(folder: string): Promise<EngineCode> {
    const code = WebAssembly.compile(await readFile(`${folder}/${CODE}`));
    const glue = readFileSync(`${folder}/${GLUE}`, 'utf8');
    const evaluate = compileFunction(glue, ['module', 'setTimeout'], { filename: GLUE }) as () => void;
    return new EngineCode(await code, evaluate);
  }

  /**
   * A new engine for a data model; throws Error when the engine finds that invalid. `log` is told of every statement,
   * with its arguments, where it is given.
   */
  async instantiate(datamodel: string, adapter: Adapter, log: ((line: string) => void) | undefined): Promise<Instance> {
    const timers = new Set<NodeJS.Timeout>();
    const setTimer = (callback: () => void, milliseconds: number): NodeJS.Timeout => {
      const timer = setTimeout(() => {
        timers.delete(timer);
        callback();
      }, milliseconds);
      timers.add(timer);
      return timer;
    };
    const module = { exports: {} as Glue, require };
    this.evaluate(module, setTimer);
    const glue = module.exports;
    const { exports } = await WebAssembly.instantiate(this.code, { './query_engine_bg.js': glue });
    glue.__wbg_set_wasm(exports);
    const memory = exports['memory'] as { readonly buffer: ArrayBuffer };
    const engine = new glue.QueryEngine(optionsFor(datamodel, log), log ?? (() => undefined), interfaceOf(adapter));
    return {
      engine,
      get memory(): number {
        return memory.buffer.byteLength;
      },
      dispose: () => {
        for (const timer of timers) clearTimeout(timer);
      },
    };
  }
}

function optionsFor(datamodel: string, log: unknown): object {
  return {
    datamodel,
    logLevel: log === undefined ? 'error' : 'info',
    logQueries: log !== undefined,
    ignoreEnvVarErrors: true,
    overrideDatasources: {},
    env: {},
    configDir: '.',
    engineProtocol: 'json',
  };
}

function interfaceOf(adapter: Adapter): object {
  const { provider, adapterName, queryRaw, executeRaw, startTransaction, getConnectionInfo } = adapter;
  // The engine never asks for errors by their number; only its own client does.
  const errorRegistry = { consumeError: () => undefined };
  return { provider, adapterName, queryRaw, executeRaw, startTransaction, getConnectionInfo, errorRegistry };
}
