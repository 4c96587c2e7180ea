/** The engine as the rest sees it: its calls, its death, and the return of its memory. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import type { Instance, WasmEngine } from './wasm.js';

/** The engine's code has trapped: what it was doing will never be answered. */
export class EnginePanic extends Error {
  constructor() {
    super('The query engine panicked. This is a bug of the engine; it ends, and its client starts another one.');
  }
}

const NO_TRACE = '{}';
/** Bytes of WebAssembly memory, or of one answer, from which on it is worth giving memory back. */
const MUCH_MEMORY = 64 * 2 ** 20;
const LONG_ANSWER = 8 * 2 ** 20;
/** Milliseconds between a large result and the look whether there is time to clean up after it. */
const CLEANUP_DELAY = 1000;

export class Engine {
  private readonly pending = new Set<(error: Error) => void>();
  private instance: Instance | undefined;
  private renewal: Promise<void> | undefined;
  private cleanup: NodeJS.Timeout | undefined;

  /**
   * `make` makes an instance; `begin` is called with each new one, before anybody else may use it; `free` says whether
   * nothing outside this class needs the present one.
   */
  constructor(
    private readonly make: () => Promise<Instance>,
    private readonly begin: (engine: WasmEngine) => Promise<void>,
    private readonly free: () => boolean,
  ) {}

  /** Makes the first instance; throws Error when the data model is invalid. */
  start(): Promise<void> {
    return this.renew();
  }

  async query(body: string, transaction?: string): Promise<string> {
    const answer = await this.call((engine) => engine.query(body, NO_TRACE, transaction));
    if (answer.length > LONG_ANSWER) this.cleanUpLater();
    return answer;
  }

  startTransaction(options: string): Promise<string> {
    return this.call((engine) => engine.startTransaction(options, NO_TRACE));
  }

  commitTransaction(id: string): Promise<string> {
    return this.call((engine) => engine.commitTransaction(id, NO_TRACE));
  }

  rollbackTransaction(id: string): Promise<string> {
    return this.call((engine) => engine.rollbackTransaction(id, NO_TRACE));
  }

  /** Answers every pending call with EnginePanic; a trap leaves its own call pending for ever. */
  panic(): void {
    for (const fail of this.pending) fail(new EnginePanic());
  }

  private async call<T>(ask: (engine: WasmEngine) => Promise<T>): Promise<T> {
    if (this.renewal !== undefined) await this.renewal;
    return new Promise((succeed, fail) => {
      this.pending.add(fail);
      const done = (): void => {
        this.pending.delete(fail);
      };
      const { engine } = this.instance!;
      ask(engine).then(
        (answer) => {
          done();
          succeed(answer);
        },
        (error: unknown) => {
          done();
          fail(error as Error);
        },
      );
    });
  }

  private cleanUpLater(): void {
    this.cleanup ??= setTimeout(() => {
      this.cleanup = undefined;
      if (this.pending.size > 0 || !this.free()) {
        this.cleanUpLater();
        return;
      }
      this.cleanUp().catch((error: unknown) => {
        // The present instance goes on.
        process.stderr.write(`query-engine: could not give memory back: ${String(error)}\n`);
      });
    }, CLEANUP_DELAY).unref();
  }

  /** WebAssembly memory never shrinks: a large result's goes with the instance that has read it. */
  private async cleanUp(): Promise<void> {
    const megabytes = Math.round(this.instance!.memory / 2 ** 20);
    if (this.instance!.memory > MUCH_MEMORY) {
      this.renewal = this.renew().finally(() => {
        this.renewal = undefined;
      });
      await this.renewal;
      process.stderr.write(`query-engine: gave ${megabytes} MB back after a large result\n`);
    }
    collectGarbage();
  }

  private async renew(): Promise<void> {
    const next = await this.make();
    await next.engine.connect(NO_TRACE);
    await this.begin(next.engine);
    this.instance?.dispose();
    this.instance = next;
  }
}

let collector: (() => void) | undefined;

/** Node collects garbage when it needs memory, not when it has time. */
function collectGarbage(): void {
  if (collector === undefined) {
    setFlagsFromString('--expose-gc');
    collector = runInNewContext('gc') as () => void;
  }
  collector();
}
