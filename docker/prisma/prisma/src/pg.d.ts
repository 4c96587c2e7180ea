/** The part of `pg` that is used here. */
declare module 'pg/lib/client.js' {
  import type { EventEmitter } from 'node:events';
  import type { ConnectionOptions } from 'node:tls';

  interface Configuration {
    host: string;
    port: number;
    user: string;
    password: () => string;
    database: string;
    ssl: false | ConnectionOptions;
    application_name?: string;
    options?: string;
    connectionTimeoutMillis: number;
    keepAlive: boolean;
  }

  interface Statement {
    text: string;
    values?: unknown[];
    rowMode: 'array';
    types: { getTypeParser: (type: number) => (text: string) => unknown };
    query_timeout?: number;
  }

  interface Answer {
    fields: { name: string; dataTypeID: number }[];
    rows: unknown[][];
    rowCount: number | null;
  }

  class Client extends EventEmitter {
    constructor(configuration: Configuration);
    readonly processID: number | null;
    readonly secretKey: number | null;
    connect(): Promise<void>;
    query(statement: Statement | string): Promise<Answer>;
    end(): Promise<void>;
    escapeLiteral(text: string): string;
    escapeIdentifier(name: string): string;
  }
  export default Client;
}
