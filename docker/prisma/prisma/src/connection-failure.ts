/** Errors of the driver while it connects, in Prisma's codes and words. No message holds a password. */
import { Failure } from './failure.js';
import type { Target } from './target.js';

/** What the driver throws: a message of the server (it has a severity), of Node's network or TLS, or of its own. */
export interface DriverError extends Error {
  code?: string;
  severity?: string;
  detail?: string;
  hint?: string;
  position?: string;
}

const WITHOUT_TLS = 'The server does not support SSL connections';
const TLS_CODES =
  /^(ERR_SSL|ERR_TLS|ERR_OSSL|EPROTO|CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|HOSTNAME_MISMATCH|INVALID_)/;

/** Whether the server answered that it has no TLS. */
export function isWithoutTls(error: unknown): boolean {
  return (error as Error).message === WITHOUT_TLS;
}

/** Whether the connection is gone, so that nothing more can be said over it. */
export function isLost(error: DriverError): boolean {
  if (error.severity !== undefined) return error.severity === 'FATAL' || error.severity === 'PANIC';
  return !/^Query read timeout$/.test(error.message);
}

export function connectionFailure(error: unknown, target: Target): Failure {
  if (error instanceof Failure) return error;
  const { code = '', message, severity } = error as DriverError;
  const { host, server, user, database } = target;
  if (code === '28P01' || message.startsWith('SASL')) {
    return new Failure(
      `Authentication failed against database server at \`${host}\`, the provided database credentials for ` +
        `\`${user}\` are not valid.\n\nPlease make sure to provide valid database credentials for the database ` +
        `server at \`${host}\`.`,
      'P1000',
    );
  }
  if (code === '28000' || code === '42501') {
    return new Failure(`User \`${user}\` was denied access on the database \`${database}\``, 'P1010');
  }
  if (code === '3D000') {
    return new Failure(`Database \`${database}\` does not exist on the database server at \`${server}\`.`, 'P1003');
  }
  if (code === '53300') return new Failure(`Too many database connections opened: ${message}`, 'P2037');
  if (severity !== undefined) return new Failure(`${severity}: ${message}`);
  if (isWithoutTls(error) || TLS_CODES.test(code)) {
    return new Failure(`Error opening a TLS connection: ${message}`, 'P1011');
  }
  return new Failure(
    `Can't reach database server at \`${server}\`\n\n` +
      `Please make sure your database server is running at \`${server}\`.`,
    'P1001',
  );
}
