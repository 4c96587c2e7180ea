/** Errors with Prisma's codes that arise outside the WebAssembly engine, in the shape that the client parses. */
import type { DatabaseUrl } from './postgres/database-url.js';

/** An error that users of Prisma know by its code. */
export class KnownFault extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly meta: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
  }

  /** The user-facing error of the native engine. */
  toJSON(): object {
    return { is_panic: false, message: this.message, meta: this.meta, error_code: this.code };
  }
}

export function unreachable(url: DatabaseUrl): KnownFault {
  const at = `\`${url.host}\`:\`${url.port}\``;
  return new KnownFault(
    'P1001',
    `Can't reach database server at ${at}\n\nPlease make sure your database server is running at ${at}.`,
    { database_host: url.host, database_port: url.port },
  );
}

export function badCredentials(url: DatabaseUrl): KnownFault {
  return new KnownFault(
    'P1000',
    `Authentication failed against database server at \`${url.host}\`, the provided database credentials for ` +
      `\`${url.user}\` are not valid.\n\nPlease make sure to provide valid database credentials for the database ` +
      `server at \`${url.host}\`.`,
    { database_user: url.user, database_host: url.host },
  );
}

export function noSuchDatabase(url: DatabaseUrl): KnownFault {
  return new KnownFault(
    'P1003',
    `Database \`${url.database}\` does not exist on the database server at \`${url.host}:${url.port}\`.`,
    { database_name: url.database, database_host: url.host, database_port: url.port },
  );
}

export function accessDenied(url: DatabaseUrl): KnownFault {
  const name = `${url.database}.${url.schema}`;
  return new KnownFault('P1010', `User \`${url.user}\` was denied access on the database \`${name}\``, {
    database_user: url.user,
    database_name: name,
  });
}

export function tlsFailed(why: string): KnownFault {
  return new KnownFault('P1011', `Error opening a TLS connection: ${why}`, { message: why });
}

export function tooManyConnections(message: string): KnownFault {
  return new KnownFault('P2037', `Too many database connections opened: ${message}`, { message });
}

/** "connection closed" is what LiteLLM looks for in the message of a lost connection. */
export function connectionLost(): KnownFault {
  return new KnownFault('P1017', 'Server has closed the connection. (connection closed before the answer came)');
}

export function socketTimeout(milliseconds: number): KnownFault {
  const time = `${milliseconds / 1000}s`;
  const context = 'Socket timeout (the database failed to respond to a query within the configured timeout)';
  return new KnownFault('P1008', `Operations timed out after \`${time}\`. Context: ${context}`, { time, context });
}

export function wrongParameterCount(expected: number, actual: number): KnownFault {
  const counts = `Expected: \`${expected}\`, actual: \`${actual}\``;
  return new KnownFault('P1016', `Your raw query had an incorrect number of parameters. ${counts}.`, {
    expected,
    actual,
  });
}

export function poolTimeout(url: DatabaseUrl): KnownFault {
  const timeout = url.poolTimeout / 1000;
  return new KnownFault(
    'P2024',
    'Timed out fetching a new connection from the connection pool. More info: http://pris.ly/d/connection-pool ' +
      `(Current connection pool timeout: ${timeout}, connection limit: ${url.connectionLimit})`,
    { connection_limit: url.connectionLimit, timeout },
  );
}
