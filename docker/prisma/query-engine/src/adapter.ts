/** The engine's driver adapter interface over the pool. */
import type { Column } from 'pg';

import { isServerMessage, type Connection } from './connection.js';
import { readerOf, UnreadableValue, type Value } from './columns.js';
import type { Pool } from './pool.js';
import type { Outcome } from './statement.js';

export interface Query {
  readonly sql: string;
  readonly args: readonly unknown[];
}

export interface ResultSet {
  readonly columnNames: readonly string[];
  readonly columnTypes: readonly number[];
  readonly rows: ReadonlyArray<ReadonlyArray<Value>>;
}

type AdapterError =
  | { readonly kind: 'GenericJs'; readonly id: number }
  | {
      readonly kind: 'Postgres';
      readonly code: string;
      readonly severity: string;
      readonly message: string;
      readonly detail: string | undefined;
      readonly column: string | undefined;
      readonly hint: string | undefined;
    };

export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: AdapterError };

export interface Queryable {
  readonly provider: 'postgres';
  readonly adapterName: string;
  queryRaw(query: Query): Promise<Result<ResultSet>>;
  executeRaw(query: Query): Promise<Result<number>>;
}

export interface Transaction extends Queryable {
  readonly options: { readonly usePhantomQuery: boolean };
  commit(): Promise<Result<undefined>>;
  rollback(): Promise<Result<undefined>>;
}

export interface Adapter extends Queryable {
  startTransaction(): Promise<Result<Transaction>>;
  getConnectionInfo(): Result<{ schemaName: string }>;
}

const NAMES = { provider: 'postgres', adapterName: 'slipway-pg' } as const;
const DONE: Result<undefined> = { ok: true, value: undefined };

/** Errors that the engine has no form for: it answers their number, and the caller puts the error in its place. */
export class ForeignErrors {
  private readonly errors = new Map<number, unknown>();
  private last = 0;

  add(error: unknown): number {
    this.last += 1;
    this.errors.set(this.last, error);
    // One that the engine swallowed would otherwise stay for good.
    if (this.errors.size > 1000) this.errors.delete(this.errors.keys().next().value!);
    return this.last;
  }

  take(id: number): unknown {
    const error = this.errors.get(id);
    this.errors.delete(id);
    return error;
  }
}

/** The adapter for `schema` over `pool`; what the engine cannot express goes to `errors`. */
export function createAdapter(pool: Pool, schema: string, errors: ForeignErrors): Adapter {
  const inPool = async <T>(query: Query, convert: (outcome: Outcome) => T): Promise<Result<T>> => {
    try {
      const connection = await pool.acquire();
      try {
        return { ok: true, value: convert(await connection.run(query.sql, query.args)) };
      } finally {
        pool.release(connection);
      }
    } catch (error) {
      return failed(error, errors);
    }
  };
  return {
    ...NAMES,
    queryRaw: (query) => inPool(query, resultSet),
    executeRaw: (query) => inPool(query, affected),
    startTransaction: async () => {
      try {
        return { ok: true, value: transaction(pool, await pool.acquire(), errors) };
      } catch (error) {
        return failed(error, errors);
      }
    },
    getConnectionInfo: () => ({ ok: true, value: { schemaName: schema } }),
  };
}

/** The engine itself sends BEGIN, COMMIT and ROLLBACK; `commit` and `rollback` only give the connection back. */
function transaction(pool: Pool, connection: Connection, errors: ForeignErrors): Transaction {
  connection.inTransaction = true;
  let open = true;
  const inTransaction = async <T>(query: Query, convert: (outcome: Outcome) => T): Promise<Result<T>> => {
    try {
      return { ok: true, value: convert(await connection.run(query.sql, query.args)) };
    } catch (error) {
      return failed(error, errors);
    }
  };
  const finish = (): Promise<Result<undefined>> => {
    if (open) {
      open = false;
      connection.inTransaction = false;
      pool.release(connection);
    }
    return Promise.resolve(DONE);
  };
  return {
    ...NAMES,
    options: { usePhantomQuery: false },
    queryRaw: (query) => inTransaction(query, resultSet),
    executeRaw: (query) => inTransaction(query, affected),
    commit: finish,
    rollback: finish,
  };
}

const affected = (outcome: Outcome): number => outcome.affected;

function resultSet({ columns, rows }: Outcome): ResultSet {
  const readers = columns.map((column: Column) => readerOf(column.dataTypeID));
  return {
    columnNames: columns.map((column) => column.name),
    columnTypes: readers.map((reader) => reader.type),
    rows: rows.map((row) => row.map((text, index) => (text === null ? null : readers[index]!.read(text)))),
  };
}

function failed(error: unknown, errors: ForeignErrors): { readonly ok: false; readonly error: AdapterError } {
  if (isServerMessage(error)) {
    const { code, severity, message, detail, column, hint } = error;
    return { ok: false, error: { kind: 'Postgres', code, severity, message, detail, column, hint } };
  }
  if (error instanceof UnreadableValue) {
    const plain = { severity: 'ERROR', detail: undefined, column: undefined, hint: undefined };
    return { ok: false, error: { kind: 'Postgres', code: '22P03', message: error.message, ...plain } };
  }
  return { ok: false, error: { kind: 'GenericJs', id: errors.add(error) } };
}
