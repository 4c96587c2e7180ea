/** The session as the engine sees it: a driver adapter, whose every answer is a value or an error of some kind. */
import { type DriverError, isLost } from './connection-failure.js';
import type { NoSession, Rows, Session } from './session.js';

/** How a statement reaches the database; `migrate deploy` puts a keeper of the ledger in between. */
export interface Statements {
  query(text: string, values: unknown[]): Promise<Rows>;
  script(text: string): Promise<void>;
}

type Result<T> = {
  ok: boolean;
  map: (f: (value: T) => unknown) => unknown;
  flatMap: (f: (value: T) => unknown) => unknown;
};

interface Query {
  sql: string;
  args: unknown[];
}

/** The factory that the engine takes. */
export function adapterFor(session: Session | NoSession, statements: Statements): object {
  const named = { provider: 'postgres', adapterName: 'slipway' };
  const adapter = {
    ...named,
    queryRaw: answering((query: Query) => statements.query(query.sql, query.args)),
    executeRaw: answering(async (query: Query) => (await statements.query(query.sql, query.args)).count),
    executeScript: answering((script: string) => statements.script(script)),
    startTransaction: answering(() => Promise.reject(new Error('the schema engine has no transactions of its own'))),
    getConnectionInfo: () => good({ schemaName: session.target.schema, supportsRelationJoins: true }),
    dispose: answering(() => Promise.resolve()),
  };
  return {
    ...named,
    connect: async () => good(adapter),
    connectToShadowDb: answering(() => Promise.reject(new Error())),
  };
}

function answering<A, T>(work: (argument: A) => Promise<T>): (argument: A) => Promise<Result<T>> {
  return async (argument) => {
    try {
      return good(await work(argument));
    } catch (error) {
      return bad(kindOf(error as DriverError));
    }
  };
}

function good<T>(value: T): Result<T> & { value: T } {
  return { ok: true, value, map: (f) => good(f(value)), flatMap: (f) => f(value) };
}

function bad<T>(error: object): Result<T> & { error: object } {
  const same = (): unknown => bad(error);
  return { ok: false, error, map: same, flatMap: same };
}

function kindOf(error: DriverError): object {
  if (isLost(error)) return { kind: 'ConnectionClosed' };
  if (error.severity === undefined) return { kind: 'SocketTimeout' };
  const { code = '', severity, message, detail, hint } = error;
  return { kind: 'postgres', code, severity, message, detail, hint, originalCode: code, originalMessage: message };
}
