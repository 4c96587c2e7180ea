/** A connection URL of Prisma's for PostgreSQL: its parts, and its parameters with Prisma's meaning and defaults. */
import { availableParallelism } from 'node:os';

export interface DatabaseUrl {
  /** A host name, an address, or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly schema: string;
  /** Whether the URL names the schema: only then does it become the session's search path. */
  readonly schemaNamed: boolean;
  readonly connectionLimit: number;
  /** Times are in milliseconds; 0 means no limit. */
  readonly poolTimeout: number;
  readonly connectTimeout: number;
  readonly socketTimeout: number;
  readonly maxIdleLifetime: number;
  readonly maxLifetime: number;
  readonly statementCacheSize: number;
  readonly pgbouncer: boolean;
  readonly applicationName: string | undefined;
  readonly options: string | undefined;
  readonly sslmode: 'disable' | 'prefer' | 'require';
  readonly sslAcceptInvalid: boolean;
  /** Paths as the URL has them: relative ones are relative to the folder of the schema file. */
  readonly sslcert: string | undefined;
  readonly sslidentity: string | undefined;
  readonly sslpassword: string | undefined;
  readonly channelBinding: 'disable' | 'prefer' | 'require';
}

/** The URL cannot be used; the message never holds its text, which has the password in it. */
export class UrlFault extends Error {}

/** Parses `text`; throws UrlFault. */
export function parseUrl(text: string): DatabaseUrl {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new UrlFault(
      'it cannot be parsed as a URL: percent-encode special characters in user, password and database',
    );
  }
  if (url.protocol !== 'postgresql:' && url.protocol !== 'postgres:') {
    throw new UrlFault('it must start with the protocol `postgresql://` or `postgres://`');
  }
  const get = (name: string): string | undefined => url.searchParams.get(name) || undefined;
  const pgbouncer = get('pgbouncer') === 'true';
  return {
    host: get('host') ?? decoded(url.hostname.replace(/^\[(.*)\]$/, '$1'), 'host') ?? 'localhost',
    port: url.port === '' ? 5432 : Number(url.port),
    user: decoded(url.username, 'user') ?? '',
    password: decoded(url.password, 'password') ?? '',
    database: decoded(url.pathname.slice(1), 'database') || 'postgres',
    schema: get('schema') ?? 'public',
    schemaNamed: get('schema') !== undefined,
    connectionLimit: atLeastOne(count(url, 'connection_limit') ?? availableParallelism() * 2 + 1),
    poolTimeout: (count(url, 'pool_timeout') ?? 10) * 1000,
    connectTimeout: (count(url, 'connect_timeout') ?? 5) * 1000,
    socketTimeout: (count(url, 'socket_timeout') ?? 0) * 1000,
    maxIdleLifetime: (count(url, 'max_idle_connection_lifetime') ?? 300) * 1000,
    maxLifetime: (count(url, 'max_connection_lifetime') ?? 0) * 1000,
    statementCacheSize: pgbouncer ? 0 : (count(url, 'statement_cache_size') ?? 100),
    pgbouncer,
    applicationName: get('application_name'),
    options: get('options'),
    sslmode: oneOf(url, 'sslmode', ['disable', 'prefer', 'require'], 'prefer'),
    sslAcceptInvalid: oneOf(url, 'sslaccept', ['strict', 'accept_invalid_certs'], 'accept_invalid_certs') !== 'strict',
    sslcert: get('sslcert'),
    sslidentity: get('sslidentity'),
    sslpassword: get('sslpassword'),
    channelBinding: oneOf(url, 'channel_binding', ['disable', 'prefer', 'require'], 'prefer'),
  };
}

function decoded(text: string, part: string): string | undefined {
  try {
    return decodeURIComponent(text) || undefined;
  } catch {
    throw new UrlFault(`its ${part} is not percent-encoded correctly: write a literal % as %25`);
  }
}

function count(url: URL, name: string): number | undefined {
  const text = url.searchParams.get(name);
  if (text === null) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new UrlFault(`its parameter ${name} must be a whole number of 0 or more`);
  return Number(text);
}

function atLeastOne(limit: number): number {
  if (limit < 1) throw new UrlFault('its parameter connection_limit must be 1 or more');
  return limit;
}

/** A value that Prisma does not know means the default, as there. */
function oneOf<T extends string>(url: URL, name: string, known: readonly T[], otherwise: T): T {
  return known.find((value) => value === url.searchParams.get(name)) ?? otherwise;
}
