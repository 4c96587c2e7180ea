/** Prisma's schema engine, compiled to WebAssembly: loaded when a command needs it, one for each command. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
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

/** The wait for Prisma's lock is the engine's to limit, and may be switched off as in Prisma. */
function lockable(session: Session | NoSession, statements: Statements): Statements {
  const off = !['', '0'].includes(process.env.PRISMA_SCHEMA_DISABLE_ADVISORY_LOCK ?? '');
  return {
    script: (text) => statements.script(text),
    query: async (text, values) => {
      if (text !== LOCK) return statements.query(text, values);
      return off ? { columnNames: [], columnTypes: [], rows: [], count: 0 } : session.query(text, values, true);
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
