/** One connection to PostgreSQL: the session that holds the lock, runs every statement, and ends with the command. */
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import Client from 'pg/lib/client.js';
import { columnType, reader } from './columns.js';
import { connectionFailure, isWithoutTls } from './connection-failure.js';
import { Failure } from './failure.js';
import type { Target } from './target.js';

export interface Rows {
  columnNames: string[];
  columnTypes: number[];
  rows: unknown[][];
  /** How many rows a statement without an answer touched. */
  count: number;
}

export class Session {
  private constructor(
    readonly target: Target,
    private readonly client: Client,
  ) {}

  /** Connects; raises a `Failure` with Prisma's code for what went wrong. */
  static async open(target: Target): Promise<Session> {
    forgetLibpq();
    const client = await connect(target);
    // A connection lost between statements shows at the next one.
    client.on('error', () => {});
    const session = new Session(target, client);
    await session.script(`SET search_path = ${client.escapeIdentifier(target.schema)}`);
    return session;
  }

  /** Runs one statement and returns its rows in the engine's types. */
  async query(text: string, values: unknown[]): Promise<Rows> {
    const statement = { text, values, rowMode: 'array' as const, types: { getTypeParser: reader } };
    const limit = this.target.socketTimeout;
    const answer = await this.client.query(limit > 0 ? { ...statement, query_timeout: limit } : statement);
    return {
      columnNames: answer.fields.map((column) => column.name),
      columnTypes: answer.fields.map((column) => columnType(column.dataTypeID)),
      rows: answer.rows,
      count: answer.rowCount ?? 0,
    };
  }

  /** Sends a script whole: PostgreSQL alone knows where its statements end. */
  async script(text: string): Promise<void> {
    await this.client.query(text);
  }

  /** `name` qualified with the session's schema. */
  qualified(name: string): string {
    return `${this.client.escapeIdentifier(this.target.schema)}.${this.client.escapeIdentifier(name)}`;
  }

  literal(text: string): string {
    return this.client.escapeLiteral(text);
  }

  /** Asks the server, over a second connection, to end the statement that runs now. */
  async cancel(): Promise<void> {
    const helper = await connect(this.target);
    await helper.query(`SELECT pg_cancel_backend(${this.client.processID})`);
    await helper.end();
  }

  async close(): Promise<void> {
    await this.client.end();
  }
}

/** Stands in where nothing is connected: the engine asks for a version before it compares two files. */
export class NoSession {
  readonly target = { schema: 'public', server: '' };

  query(): Promise<Rows> {
    const rows = [[true, 'PostgreSQL', 170000]];
    return Promise.resolve({
      columnNames: ['exists', 'version', 'numeric_version'],
      columnTypes: [5, 7, 0],
      rows,
      count: 1,
    });
  }

  script(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

async function connect(target: Target): Promise<Client> {
  const { tls } = target;
  if (tls.mode !== 'disable') {
    try {
      return await attempt(target, await secure(target));
    } catch (error) {
      if (tls.mode === 'require' || !isWithoutTls(error)) throw connectionFailure(error, target);
    }
  }
  try {
    return await attempt(target, false);
  } catch (error) {
    throw connectionFailure(error, target);
  }
}

async function attempt(target: Target, ssl: false | ConnectionOptions): Promise<Client> {
  const { applicationName, options } = target;
  const client = new Client({
    host: target.host,
    port: target.port,
    user: target.user,
    // A function: the driver takes an empty string for a missing one and looks elsewhere.
    password: () => target.password,
    database: target.database,
    ssl,
    connectionTimeoutMillis: target.connectTimeout,
    keepAlive: true,
    ...(applicationName === undefined ? {} : { application_name: applicationName }),
    ...(options === undefined ? {} : { options }),
  });
  await client.connect();
  return client;
}

async function secure({ host, tls }: Target): Promise<ConnectionOptions> {
  const options = { host, rejectUnauthorized: tls.strict };
  if (tls.authority === undefined && tls.identity === undefined) return options;
  const files = {
    ...(tls.authority === undefined ? {} : { ca: certificate(tls.authority, 'sslcert') }),
    ...(tls.identity === undefined ? {} : { pfx: certificate(tls.identity, 'sslidentity') }),
    ...(tls.identityPassword === undefined ? {} : { passphrase: tls.identityPassword }),
  };
  const { createSecureContext } = await import('node:tls');
  try {
    return { ...options, secureContext: createSecureContext(files) };
  } catch (error) {
    const parameters = 'sslcert, sslidentity or sslpassword';
    throw new Failure(`Error opening a TLS connection: ${(error as Error).message}; see ${parameters}`, 'P1011');
  }
}

function certificate(path: string, parameter: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code;
    throw new Failure(
      `Error opening a TLS connection: cannot read ${path} (${why}), which ${parameter} names`,
      'P1011',
    );
  }
}

/** Prisma knows libpq's variables as little as libpq's files; the driver would read them. */
function forgetLibpq(): void {
  for (const name of Object.keys(process.env)) if (/^PG[A-Z]+$/.test(name)) delete process.env[name];
}
