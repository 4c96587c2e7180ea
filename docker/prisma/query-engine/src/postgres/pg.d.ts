/** The part of `pg` that is used here; `@types/pg` leaves out what a submittable query receives. */
declare module 'pg' {
  import type { EventEmitter } from 'node:events';
  import type { Duplex } from 'node:stream';
  import type { SecureContext } from 'node:tls';

  export interface ClientConfig {
    host: string;
    port: number;
    user: string;
    password: () => string;
    database: string;
    ssl: false | { rejectUnauthorized: boolean; secureContext: SecureContext };
    application_name?: string | undefined;
    options?: string | undefined;
    connectionTimeoutMillis: number;
    enableChannelBinding: boolean;
    keepAlive: boolean;
  }

  export interface Column {
    name: string;
    dataTypeID: number;
  }

  export interface ServerMessage extends Error {
    code?: string;
    severity?: string;
    detail?: string;
    column?: string;
    hint?: string;
    table?: string;
    constraint?: string;
  }

  export interface Connection extends EventEmitter {
    readonly stream: Duplex;
    query(text: string): void;
    parse(message: { text: string; name: string }): void;
    bind(message: { statement: string; values: ReadonlyArray<string | Buffer | null> }): void;
    describe(message: { type: 'S' | 'P'; name: string }): void;
    execute(message: { portal?: string; rows?: number }): void;
    close(message: { type: 'S' | 'P'; name: string }): void;
    flush(): void;
    sync(): void;
    sendCopyFail(why: string): void;
  }

  export interface Submittable {
    submit(connection: Connection): void;
    handleRowDescription(message: { fields: Column[] }): void;
    handleDataRow(message: { fields: Array<string | null> }): void;
    handleCommandComplete(message: { text: string }): void;
    handleEmptyQuery(): void;
    handlePortalSuspended(): void;
    handleReadyForQuery(): void;
    handleCopyInResponse(connection: Connection): void;
    handleCopyData(): void;
    handleError(error: ServerMessage, connection: Connection): void;
  }

  export class Client extends EventEmitter {
    constructor(config: ClientConfig);
    readonly connection: Connection;
    readonly processID: number | null;
    connect(): Promise<unknown>;
    query(statement: Submittable): void;
    query(text: string): Promise<unknown>;
    end(): Promise<void>;
  }

  const pg: { Client: typeof Client };
  export default pg;
}
