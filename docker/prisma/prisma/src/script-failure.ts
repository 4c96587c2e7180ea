/** A migration script that failed, as Prisma's native engine reports it (P3018). LiteLLM reads these lines. */
import { type DriverError, isLost } from './connection-failure.js';
import { Failure } from './failure.js';

const LINES_BEFORE = 5;

export function scriptFailure(error: DriverError, migration: string, script: string): Failure {
  if (isLost(error)) return new Failure('Server has closed the connection.', 'P1017');
  const code = error.code ?? 'none';
  return new Failure(
    'A migration failed to apply. New migrations cannot be applied before the error is recovered from. ' +
      'Read more about how to resolve migration issues in a production database: ' +
      `https://pris.ly/d/migrate-resolve\n\nMigration name: ${migration}\n\nDatabase error code: ${code}\n\n` +
      `Database error:\n${said(error)}${position(error, script)}\n`,
    'P3018',
  );
}

/** What the database said: severity and message, then detail and hint. */
export function said(error: DriverError): string {
  const lines = [error.severity === undefined ? error.message : `${error.severity}: ${error.message}`];
  if (error.detail) lines.push(`DETAIL: ${error.detail}`);
  if (error.hint) lines.push(`HINT: ${error.hint}`);
  return lines.join('\n');
}

/** The line that the error points at, and those before it, numbered. */
function position(error: DriverError, script: string): string {
  if (error.position === undefined) return '';
  const before = [...script].slice(0, Number(error.position) - 1).join('');
  const at = before.split('\n').length;
  const lines = script.split('\n').slice(0, at);
  const shown = lines
    .map((line, index) => `${String(index + 1).padStart(3)} ${line}`.trimEnd())
    .slice(-LINES_BEFORE - 1);
  return `\n\nPosition:\n${shown.join('\n')}`;
}
