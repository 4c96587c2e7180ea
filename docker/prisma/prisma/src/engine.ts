/** Prisma's schema engine, compiled to WebAssembly: loaded when a command needs it, one for each command. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import * as glue from '@prisma/schema-engine-wasm/schema_engine_bg';
import { adapterFor, type Statements } from './adapter.js';
import { Failure } from './failure.js';
import type { NoSession, Session } from './session.js';

export type {
  DiagnoseMigrationHistoryOutput as MigrationHistory,
  DiffTarget,
  MigrationList,
} from '@prisma/schema-engine-wasm/schema_engine_bg';

export const NO_FILTERS = { externalTables: [], externalEnums: [] };

const LOCK = 'SELECT pg_advisory_lock(72707369)';
const TRY_LOCK = 'SELECT pg_try_advisory_lock(72707369)';
/** Milliseconds between two attempts to take the lock. */
const LOCK_INTERVAL = 200;

/** Opens the engine over `session` and does `work` with it; its errors become failures with Prisma's codes. */
export async function withEngine<T>(
  session: Session | NoSession,
  configuration: string,
  work: (engine: glue.SchemaEngine) => Promise<T>,
  statements: Statements = session,
): Promise<T> {
  load();
  try {
    const factory = adapterFor(session, lockable(session, statements));
    const engine = await glue.SchemaEngine.new({ datamodels: [['schema.prisma', configuration]] }, () => {}, factory);
    return await work(engine);
  } catch (error) {
    throw engineFailure(error as Error & { code?: string }, session);
  }
}

function load(): void {
  const module = new WebAssembly.Module(readFileSync(join(__dirname, 'schema_engine_bg.wasm')));
  const { exports } = new WebAssembly.Instance(module, { './schema_engine_bg.js': glue });
  glue.__wbg_set_wasm(exports);
  (exports as { __wbindgen_start: () => void }).__wbindgen_start();
}

/**
 * Prisma's lock, asked for again and again instead of waited for: a statement that waits holds a snapshot, on which
 * CREATE INDEX CONCURRENTLY of the lock's holder waits in turn, a deadlock. The engine ends the wait after ten seconds.
 */
function lockable(session: Session | NoSession, statements: Statements): Statements {
  const off = !['', '0'].includes(process.env.PRISMA_SCHEMA_DISABLE_ADVISORY_LOCK ?? '');
  return {
    script: (text) => statements.script(text),
    query: async (text, values) => {
      if (text !== LOCK) return statements.query(text, values);
      if (off) return { columnNames: [], columnTypes: [], rows: [], count: 0 };
      for (;;) {
        const answer = await session.query(TRY_LOCK, []);
        if (answer.rows[0]?.[0] === true) return answer;
        await setTimeout(LOCK_INTERVAL);
      }
    },
  };
}

function engineFailure(error: Error & { code?: string }, session: Session | NoSession): Failure {
  if (error instanceof Failure) return error;
  const { server } = session.target;
  const message =
    error.code === 'P1002'
      ? // The engine in WebAssembly does not know where it is connected to; the native one says it.
        error.message
          .replace('The database server was reached', `The database server at \`${server}\` was reached`)
          .replace('at the configured address', `at \`${server}\``)
      : error.message;
  return new Failure(message, error.code);
}
