/** Where a command works: the schema, the URL, and the first lines that Prisma's command prints about them. */
import { dirname } from 'node:path';
import { Failure } from './failure.js';
import { print } from './output.js';
import { type Schema, readSchema, shown, urlOf } from './schema.js';
import { said } from './script-failure.js';
import { Session } from './session.js';
import { describe, readTarget, type Target } from './target.js';

export interface Place {
  schema: Schema;
  target: Target;
  /** The database and its server in words. */
  description: string;
}

/** Reads the schema that `asked` names and the URL in it, and prints what is about to be worked on. */
export function announcedPlace(asked: string | undefined): Place {
  const schema = readSchema(asked);
  print(`Prisma schema loaded from ${shown(schema.path)}`);
  const url = urlOf(schema);
  const target = readTarget(url, dirname(schema.path));
  const description = describe(url, schema.schemas);
  print(`Datasource "${schema.name}": ${description}`);
  return { schema, target, description };
}

/** Opens the session of a command that needs an existing database. */
export async function openExisting(place: Place): Promise<Session> {
  try {
    return await Session.open(place.target);
  } catch (error) {
    throw error instanceof Failure && error.code !== undefined ? error.onOneLine() : error;
  }
}

/** Opens the session of a command that creates the database where there is none, and says so. */
export async function openOrCreate(place: Place): Promise<Session> {
  const { target } = place;
  try {
    return await Session.open(target);
  } catch (error) {
    print();
    if (!(error instanceof Failure) || error.code === undefined) throw error;
    if (error.code !== 'P1003') throw error.onOneLine();
    await create(target);
    print(`PostgreSQL database ${target.database} created at ${target.server}\n`);
    return Session.open(target);
  }
}

/** Databases from which another one can be created; every server has one of them. */
const MAINTENANCE = ['postgres', 'template1', 'defaultdb'];

async function create(target: Target): Promise<void> {
  for (const database of MAINTENANCE) {
    let session: Session;
    try {
      session = await Session.open({ ...target, database, schema: 'public' });
    } catch (error) {
      if (error instanceof Failure && ['P1003', 'P1010'].includes(error.code ?? '')) continue;
      throw error;
    }
    try {
      await session.script(`CREATE DATABASE "${target.database.replaceAll('"', '""')}"`);
    } catch (error) {
      const { code } = error as { code?: string };
      // Somebody else created it in between.
      if (code !== '42P04' && code !== '23505') {
        throw new Failure(`Failed to create database: ${said(error as Error)}`, 'P3000');
      }
    } finally {
      await session.close();
    }
    return;
  }
  throw new Failure('Failed to create database: none of the default databases can be connected to.', 'P3000');
}
