/** One session with PostgreSQL: opening it, its prepared statements, its end. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';

import pg, { type Client, type ClientConfig, type ServerMessage } from 'pg';

import {
  accessDenied,
  badCredentials,
  connectionLost,
  KnownFault,
  noSuchDatabase,
  socketTimeout,
  tlsFailed,
  tooManyConnections,
  unreachable,
} from '../faults.js';
import type { DatabaseUrl } from './database-url.js';
import { bindArguments } from './parameters.js';
import { Statement, type Outcome, type Prepared } from './statement.js';

/** Session settings that the text format depends on, where the server's own differ. */
const WANTED: ReadonlyArray<readonly [setting: string, fits: (value: string) => boolean, command: string]> = [
  ['client_encoding', (value) => value === 'UTF8', "SET client_encoding = 'UTF8'"],
  ['DateStyle', (value) => value.startsWith('ISO'), 'SET DateStyle = ISO'],
];
/** The same for those that the server does not tell of: a role may have changed them. No start-up option, poolers refuse those. */
const ALWAYS = 'SET extra_float_digits = 3; SET bytea_output = hex';

/** What the server says when it ends a session: a shutdown, a crash, a time-out for idle ones. */
const LAST_WORDS = /^(?:57P0\d|25P03)$/;
/** Longer statements are seldom the same twice, and would fill the memory of both ends. */
const LONGEST_CACHED = 8 * 1024;

export class Connection {
  /** When it was opened and when it was last given back, in milliseconds of a clock that only goes forward. */
  readonly opened = performance.now();
  idleSince = this.opened;
  inTransaction = false;
  private readonly prepared = new Map<string, Prepared>();
  private numbered = 0;
  private ended = false;

  private constructor(
    private readonly client: Client,
    private readonly url: DatabaseUrl,
  ) {}

  /** Throws KnownFault. Relative certificate paths start at `folder`; `closed` is told of a connection that dies. */
  static async open(url: DatabaseUrl, folder: string, closed: (connection: Connection) => void): Promise<Connection> {
    if (url.sslmode === 'disable') return Connection.start(url, false, closed);
    try {
      return await Connection.start(url, tls(url, folder), closed);
    } catch (error) {
      if (url.sslmode !== 'prefer' || !(error instanceof NoTls)) throw asFault(error, url);
      return Connection.start(url, false, closed);
    }
  }

  private static async start(
    url: DatabaseUrl,
    ssl: ClientConfig['ssl'],
    closed: (connection: Connection) => void,
  ): Promise<Connection> {
    const settings = new Map<string, string>();
    const client = new pg.Client({
      host: url.host,
      port: url.port,
      user: url.user,
      // As a function: pg would look for an empty one in variables and files.
      password: () => url.password,
      database: url.database,
      ssl,
      application_name: url.applicationName,
      options: sessionOptions(url),
      connectionTimeoutMillis: url.connectTimeout,
      enableChannelBinding: url.channelBinding !== 'disable',
      keepAlive: true,
    });
    const connection = new Connection(client, url);
    client.connection.on('parameterStatus', (message: { parameterName: string; parameterValue: string }) => {
      settings.set(message.parameterName, message.parameterValue);
    });
    // The socket's own end comes a moment later: until then the pool would give this connection to other queries.
    client.on('error', () => {
      connection.ended = true;
    });
    client.on('end', () => {
      connection.ended = true;
      closed(connection);
    });
    try {
      await client.connect();
      for (const [setting, fits, command] of WANTED) {
        const value = settings.get(setting);
        if (value !== undefined && !fits(value)) await connection.run(command, []);
      }
      await client.query(ALWAYS);
    } catch (error) {
      void client.end().catch(() => undefined);
      if (ssl !== false && error instanceof Error && /does not support SSL/.test(error.message)) throw new NoTls();
      throw asFault(error, url);
    }
    return connection;
  }

  get usable(): boolean {
    return !this.ended;
  }

  /** Runs one statement; throws the server's error as it came, KnownFault when the connection is lost or too slow. */
  async run(text: string, values: readonly unknown[]): Promise<Outcome> {
    const known = this.prepared.get(text);
    if (known === undefined) return this.submit(text, values, undefined);
    // The statement that is used again becomes the youngest.
    this.prepared.delete(text);
    this.prepared.set(text, known);
    try {
      return await this.submit(text, values, known);
    } catch (error) {
      if (!outlived(error)) throw error;
      this.prepared.delete(text);
      // Inside a transaction the failure has ended it.
      if (this.inTransaction) throw error;
      return this.submit(text, values, undefined);
    }
  }

  private submit(text: string, values: readonly unknown[], known: Prepared | undefined): Promise<Outcome> {
    const caching = this.url.statementCacheSize > 0 && text.length <= LONGEST_CACHED;
    const name = known?.name ?? (caching ? `s${(this.numbered += 1)}` : '');
    return new Promise((succeed, fail) => {
      let timer: NodeJS.Timeout | undefined;
      const done = (error: Error | undefined, outcome: Outcome | undefined): void => {
        clearTimeout(timer);
        if (error === undefined) return succeed(outcome!);
        if (!this.lostBy(error)) return fail(error);
        // A server that says farewell closes a moment later, too.
        this.ended = true;
        fail(connectionLost());
      };
      if (this.url.socketTimeout > 0) {
        timer = setTimeout(() => {
          fail(socketTimeout(this.url.socketTimeout));
          this.abort();
        }, this.url.socketTimeout);
      }
      const keep = (prepared: Prepared): void => {
        if (caching) this.keep(text, prepared);
      };
      this.client.query(new Statement(text, name, known, (types) => bindArguments(values, types), keep, done));
    });
  }

  private lostBy(error: Error): boolean {
    if (isServerMessage(error)) return LAST_WORDS.test(error.code);
    if (error instanceof KnownFault) return false;
    return this.ended || 'errno' in error || /^(?:Connection terminated|Client )/.test(error.message);
  }

  private keep(text: string, prepared: Prepared): void {
    this.prepared.set(text, prepared);
    if (this.prepared.size <= this.url.statementCacheSize) return;
    const [oldest] = this.prepared.entries();
    this.prepared.delete(oldest![0]);
    this.client.connection.close({ type: 'S', name: oldest![1].name });
  }

  /** Ends the session without waiting for what it is doing. */
  abort(): void {
    this.ended = true;
    this.client.connection.stream.destroy();
  }

  async end(): Promise<void> {
    this.ended = true;
    await this.client.end().catch(() => undefined);
  }
}

/** The server speaks no TLS. */
class NoTls extends Error {}

/** A prepared statement that a change of the schema, or a pooler in between, has made useless. */
function outlived(error: unknown): boolean {
  if (!isServerMessage(error)) return false;
  return error.code === '26000' || (error.code === '0A000' && /cached plan/.test(error.message));
}

export function isServerMessage(error: unknown): error is ServerMessage & { code: string; severity: string } {
  return error instanceof Error && 'severity' in error && 'code' in error && typeof error.code === 'string';
}

/** The schema of the URL becomes the search path, as the native engine has it; a pooler would refuse the parameter. */
function sessionOptions(url: DatabaseUrl): string | undefined {
  if (!url.schemaNamed || url.pgbouncer) return url.options;
  const path = `"${url.schema.replace(/"/g, '""')}"`.replace(/[\\ ]/g, '\\$&');
  return `${url.options ?? ''} -c search_path=${path}`.trim();
}

/** The files of the URL, read anew for each connection, so that a renewed certificate needs no restart. */
function tls(url: DatabaseUrl, folder: string): Exclude<ClientConfig['ssl'], false> {
  const read = (path: string, parameter: string): Buffer => {
    try {
      return readFileSync(resolve(folder, path));
    } catch (error) {
      throw tlsFailed(`the file of the URL's parameter ${parameter} cannot be read: ${(error as Error).message}`);
    }
  };
  const { sslcert, sslidentity, sslpassword } = url;
  const files = {
    ...(sslcert === undefined ? {} : { ca: read(sslcert, 'sslcert') }),
    ...(sslidentity === undefined ? {} : { pfx: read(sslidentity, 'sslidentity'), passphrase: sslpassword ?? '' }),
  };
  try {
    return { rejectUnauthorized: !url.sslAcceptInvalid, secureContext: createSecureContext(files) };
  } catch (error) {
    const why = (error as Error).message;
    throw tlsFailed(`the URL's sslcert must be PEM, its sslidentity PKCS 12 that sslpassword opens: ${why}`);
  }
}

/** What a failed connection attempt is to users of Prisma. */
function asFault(error: unknown, url: DatabaseUrl): KnownFault {
  if (error instanceof KnownFault) return error;
  if (/^SASL/.test((error as Error).message)) return badCredentials(url);
  if (error instanceof NoTls) return tlsFailed('the server does not support TLS connections');
  if (isServerMessage(error)) {
    switch (error.code) {
      case '28P01':
        return badCredentials(url);
      case '28000':
      case '42501':
        return accessDenied(url);
      case '3D000':
        return noSuchDatabase(url);
      case '53300':
        return tooManyConnections(`${error.severity}: ${error.message}`);
      default:
        return new KnownFault('P1001', `${unreachable(url).message}\n\n${error.severity}: ${error.message}`, {
          database_host: url.host,
          database_port: url.port,
        });
    }
  }
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (/^(?:ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|DEPTH_|SELF_SIGNED|UNABLE_TO)/.test(code)) {
    return tlsFailed((error as Error).message);
  }
  return unreachable(url);
}
