/** `prisma db execute`: sends a script whole. The engine would only pass it on, so it is not loaded. */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DriverError } from '../connection-failure.js';
import { isLost } from '../connection-failure.js';
import { Failure } from '../failure.js';
import { print } from '../output.js';
import { readSchema, urlOf } from '../schema.js';
import { said } from '../script-failure.js';
import { Session } from '../session.js';
import { endOnSignal } from '../signals.js';
import { readTarget, type Target } from '../target.js';

interface Options {
  schema?: string;
  url?: string;
  file?: string;
  stdin?: boolean;
}

export async function execute(options: Options): Promise<void> {
  const script = scriptOf(options);
  const session = await Session.open(targetOf(options));
  endOnSignal(session);
  try {
    await session.script(script);
  } catch (error) {
    throw failureOf(error as DriverError);
  }
  await session.close();
  print('Script executed successfully.');
}

function targetOf({ schema, url }: Options): Target {
  onlyOne(['--url', url], ['--schema', schema]);
  if (url !== undefined) return readTarget(url, process.cwd());
  const read = readSchema(schema);
  return readTarget(urlOf(read), dirname(read.path));
}

function scriptOf({ file, stdin }: Options): string {
  onlyOne(['--stdin', stdin], ['--file', file]);
  try {
    return readFileSync(file ?? 0, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new Failure(`Provided --file at ${file} doesn't exist.`);
    throw new Failure(`The script cannot be read from ${file ?? 'standard input'} (${code}).`);
  }
}

function onlyOne(...[one, other]: [string, unknown][]): void {
  const given = [one, other].filter((option) => option?.[1] !== undefined);
  if (given.length === 1) return;
  const see = 'See `prisma db execute -h`';
  const names = [one?.[0], other?.[0]];
  if (given.length === 0) throw new Failure(`Either ${names.join(' or ')} must be provided.\n${see}`);
  throw new Failure(`${names.join(' and ')} cannot be used at the same time. Only 1 must be provided.\n${see}`);
}

function failureOf(error: DriverError): Failure {
  if (isLost(error)) return new Failure('Server has closed the connection.', 'P1017');
  return new Failure(`${said(error)}\n`);
}
