/** The engine's driver adapter interface over the pool. */
import type { Column } from 'pg';

import { connectionLost } from '../faults.js';
import type { Metrics } from '../metrics.js';
import { READ_AS_TEXT, UnreadableValue, type Reader, type Value } from '../postgres/columns.js';
import { isServerMessage, type Connection } from '../postgres/connection.js';
import type { Pool } from '../postgres/pool.js';
import type { Outcome } from '../postgres/statement.js';
import { ColumnTypes } from '../postgres/types.js';

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

/** The adapter, and the hand-over of connections that a caller has acquired for a transaction already. */
export class PoolAdapter implements Adapter {
  readonly provider = 'postgres';
  readonly adapterName = 'slipway-pg';
  /** Transactions that hold a connection. */
  open = 0;
  private readonly types = new ColumnTypes();
  private readonly reserved: Transaction[] = [];
  private staged: Transaction | undefined;

  constructor(
    private readonly pool: Pool,
    private readonly schema: string,
    private readonly errors: ForeignErrors,
    private readonly metrics: Metrics,
  ) {}

  /** One of the next transactions that the engine begins is this one. */
  reserve(transaction: Transaction): void {
    this.reserved.push(transaction);
  }

  /** The very next transaction is this one, which is none of the database: nobody else may use the engine meanwhile. */
  stage(transaction: Transaction): void {
    this.staged = transaction;
  }

  queryRaw = (query: Query): Promise<Result<ResultSet>> => this.once(query, resultSet);
  executeRaw = (query: Query): Promise<Result<number>> => this.once(query, affected);

  startTransaction = async (): Promise<Result<Transaction>> => {
    const { staged } = this;
    if (staged !== undefined) {
      this.staged = undefined;
      return { ok: true, value: staged };
    }
    try {
      return { ok: true, value: this.reserved.shift() ?? this.transaction(await this.pool.acquire()) };
    } catch (error) {
      return failed(error, this.errors);
    }
  };

  getConnectionInfo = (): Result<{ schemaName: string }> => ({ ok: true, value: { schemaName: this.schema } });

  private async once<T>(query: Query, convert: Convert<T>): Promise<Result<T>> {
    try {
      const connection = await this.pool.acquire();
      try {
        return await this.run(query, convert, connection);
      } finally {
        this.pool.release(connection);
      }
    } catch (error) {
      return failed(error, this.errors);
    }
  }

  private async run<T>(query: Query, convert: Convert<T>, connection: Connection): Promise<Result<T>> {
    const started = performance.now();
    try {
      const outcome = await connection.run(query.sql, query.args);
      // PostgreSQL takes the COMMIT of a transaction with a failed statement for a ROLLBACK, and says so in passing.
      if (query.sql === 'COMMIT' && outcome.command !== 'COMMIT') return ROLLED_BACK;
      return { ok: true, value: await convert(outcome, connection, this.types) };
    } catch (error) {
      return failed(error, this.errors);
    } finally {
      this.metrics.statements += 1;
      this.metrics.statementTime.record(performance.now() - started);
    }
  }

  /**
   * The engine itself sends BEGIN, COMMIT and ROLLBACK, then calls `commit` or `rollback` to give the connection back.
   * When one of those fails, or the connection is lost, it forgets the call.
   */
  transaction(connection: Connection): Transaction {
    connection.inTransaction = true;
    this.open += 1;
    let open = true;
    const giveBack = (): void => {
      if (!open) return;
      open = false;
      this.open -= 1;
      this.pool.release(connection);
    };
    const finish = (): Promise<Result<undefined>> => {
      connection.inTransaction = false;
      giveBack();
      return Promise.resolve(DONE);
    };
    const inTransaction = async <T>(query: Query, convert: Convert<T>): Promise<Result<T>> => {
      if (!open) return failed(connectionLost(), this.errors);
      const result = await this.run(query, convert, connection);
      // Whatever state it is in, such a connection is not used again.
      if (!result.ok && (BOUNDARY.test(query.sql) || !connection.usable)) giveBack();
      return result;
    };
    return {
      provider: this.provider,
      adapterName: this.adapterName,
      options: { usePhantomQuery: false },
      queryRaw: (query) => inTransaction(query, resultSet),
      executeRaw: (query) => inTransaction(query, affected),
      commit: finish,
      rollback: finish,
    };
  }
}

const DONE: Result<undefined> = { ok: true, value: undefined };
const ROLLED_BACK: Result<never> = {
  ok: false,
  error: {
    kind: 'Postgres',
    code: '25P02',
    severity: 'ERROR',
    message: 'the transaction was rolled back, because a statement in it had failed',
    detail: undefined,
    column: undefined,
    hint: undefined,
  },
};
const BOUNDARY = /^(?:BEGIN|COMMIT|ROLLBACK)$/;

type Convert<T> = (outcome: Outcome, connection: Connection, types: ColumnTypes) => T | Promise<T>;

const affected = (outcome: Outcome): number => outcome.affected;

function resultSet(outcome: Outcome, connection: Connection, types: ColumnTypes): ResultSet | Promise<ResultSet> {
  const oids = outcome.columns.map((column: Column) => column.dataTypeID);
  const unknown = oids.filter((oid) => types.reader(oid) === undefined);
  if (unknown.length === 0) return read(outcome, oids, types);
  return types.learn(unknown, connection).then(() => read(outcome, oids, types));
}

function read({ columns, rows }: Outcome, oids: readonly number[], types: ColumnTypes): ResultSet {
  const readers = oids.map((oid) => types.reader(oid) ?? READ_AS_TEXT);
  return {
    columnNames: columns.map((column) => column.name),
    rows: readRows(rows, readers),
    columnTypes: readers.map((reader) => reader.type),
  };
}

/** Columns with a value that cannot be read become text, in `readers` too. */
function readRows(rows: Outcome['rows'], readers: Reader[]): Value[][] {
  let column = 0;
  try {
    return rows.map((row) => {
      const values = new Array<Value>(row.length);
      for (column = 0; column < row.length; column += 1) {
        const text = row[column] ?? null;
        values[column] = text === null ? null : readers[column]!.read(text);
      }
      return values;
    });
  } catch (error) {
    if (!(error instanceof UnreadableValue)) throw error;
    readers[column] = READ_AS_TEXT;
    return readRows(rows, readers);
  }
}

function failed(error: unknown, errors: ForeignErrors): { readonly ok: false; readonly error: AdapterError } {
  if (isServerMessage(error)) {
    const { code, severity, message, detail, column, hint } = error;
    return { ok: false, error: { kind: 'Postgres', code, severity, message, detail, column, hint } };
  }
  return { ok: false, error: { kind: 'GenericJs', id: errors.add(error) } };
}
