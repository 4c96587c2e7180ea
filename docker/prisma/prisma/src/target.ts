/** A connection URL in Prisma's terms. */
import { isAbsolute, join } from 'node:path';
import { Failure } from './failure.js';

export interface Target {
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
  schema: string;
  /** `host:port` as messages name the server. */
  server: string;
  tls: Tls;
  /** Milliseconds; 0 waits without end. */
  connectTimeout: number;
  /** Milliseconds a single query may take; 0 is no limit. Scripts have none. */
  socketTimeout: number;
  applicationName: string | undefined;
  options: string | undefined;
}

interface Tls {
  /** `prefer` goes on without where the server has none. */
  mode: 'disable' | 'prefer' | 'require';
  /** Whether the server's certificate and name must be proven. */
  strict: boolean;
  authority: string | undefined;
  identity: string | undefined;
  identityPassword: string | undefined;
}

/** Reads `url`; relative files in it are relative to `folder`, the schema's. Messages never hold the URL. */
export function readTarget(url: string, folder: string): Target {
  if (!/^postgres(ql)?:\/\//.test(url)) {
    const what = 'the URL must start with the protocol `postgresql://` or `postgres://`.';
    throw new Failure(`Prisma schema validation - (get-config)\nError code: P1012\nerror: ${what}\n`);
  }
  try {
    const parsed = new URL(url);
    const parameters = parsed.searchParams;
    const file = (name: string): string | undefined => {
      const path = parameters.get(name);
      return path === null ? undefined : isAbsolute(path) ? path : join(folder, path);
    };
    const mode = parameters.get('sslmode') ?? 'prefer';
    const proven = mode === 'verify-ca' || mode === 'verify-full';
    const host = parameters.get('host') ?? decodeURIComponent(parsed.hostname).replace(/^\[(.*)\]$/, '$1');
    const port = Number(parsed.port || '5432');
    return {
      host: host || 'localhost',
      port,
      user: decodeURIComponent(parsed.username),
      password: decodeURIComponent(parsed.password),
      database: decodeURIComponent(parsed.pathname.slice(1)) || 'postgres',
      schema: parameters.get('schema') || 'public',
      server: `${host || 'localhost'}:${port}`,
      tls: {
        mode: mode === 'disable' ? 'disable' : mode === 'require' || proven ? 'require' : 'prefer',
        // Prisma knows no verify-* modes and would go on unproven; asking for proof and getting none is no option.
        strict: parameters.get('sslaccept') === 'strict' || proven,
        authority: file('sslcert'),
        identity: file('sslidentity'),
        identityPassword: parameters.get('sslpassword') ?? undefined,
      },
      connectTimeout: seconds(parameters.get('connect_timeout'), 5),
      socketTimeout: seconds(parameters.get('socket_timeout'), 0),
      applicationName: parameters.get('application_name') ?? undefined,
      options: parameters.get('options') ?? undefined,
    };
  } catch {
    throw new Failure('The provided database string is invalid. Check that its parts are percent-encoded.', 'P1013');
  }
}

/** `PostgreSQL database "litellm", schema "public" at "db:5432"`: the place of the data, without who asks. */
export function describe(url: string, schemas: string[]): string {
  const parsed = new URL(url);
  const database = parsed.pathname.slice(1) || 'postgres';
  const schema = parsed.searchParams.get('schema') || 'public';
  const where = schemas.length > 0 ? `schemas "${schemas.join(', ')}"` : `schema "${schema}"`;
  return `PostgreSQL database "${database}", ${where}${parsed.host === '' ? '' : ` at "${parsed.host}"`}`;
}

function seconds(text: string | null, otherwise: number): number {
  const value = text === null ? otherwise : Number(text);
  if (!Number.isFinite(value) || value < 0) throw new RangeError('not a number of seconds');
  return value * 1000;
}
