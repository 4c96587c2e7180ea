/** The Prisma schema file: where it is, and what its datasource block says. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { Failure } from './failure.js';

const PLACES = ['schema.prisma', 'prisma/schema.prisma'];

export interface Schema {
  path: string;
  content: string;
  /** The datasource and generator blocks as they stand: all that the engine needs to know of a schema to connect. */
  configuration: string;
  /** The datasource's name. */
  name: string;
  schemas: string[];
  migrations: string;
}

/** Reads the schema that `asked` names, or the one in Prisma's default places. */
export function readSchema(asked: string | undefined): Schema {
  const path = asked === undefined ? PLACES.find((place) => existsSync(place)) : asked;
  if (path === undefined) throw new Failure(notFound(PLACES));
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch {
    throw new Failure(`Could not load \`--schema\` from provided path \`${path}\`: file or directory not found`);
  }
  const source = /^[ \t]*datasource[ \t]+(\w+)[ \t]*\{[^}]*\}/m.exec(content);
  if (source === null) throw new Failure('A datasource block is missing in the Prisma schema file.');
  const absolute = resolve(path);
  const provider = field(source[0], 'provider', /"([^"]*)"/);
  if (provider !== 'postgresql' && provider !== 'postgres') {
    throw new Failure(`The datasource provider of ${path} is not postgresql, the only one this command knows.`);
  }
  const generators = [...content.matchAll(/^[ \t]*generator[ \t]+\w+[ \t]*\{[^}]*\}/gm)].map(([block]) => block);
  return {
    path: absolute,
    content,
    configuration: [source[0], ...generators].join('\n\n'),
    name: source[1]!,
    schemas: [...(field(source[0], 'schemas', /(\[[^\]]*\])/) ?? '').matchAll(/"([^"]*)"/g)].map(
      ([, schema]) => schema!,
    ),
    migrations: join(dirname(absolute), 'migrations'),
  };
}

/** The URL that migrations use: `directUrl` where the schema has one, `url` otherwise. */
export function urlOf(schema: Schema): string {
  for (const key of ['directUrl', 'url']) {
    const variable = field(schema.configuration, key, /env\(\s*"([^"]+)"\s*\)/);
    if (variable !== undefined) return fromEnvironment(schema, variable);
    const literal = field(schema.configuration, key, /"([^"]*)"/);
    if (literal !== undefined) return literal;
  }
  throw new Failure(`The datasource of ${shown(schema.path)} has no url.`);
}

/** A path as messages show it. */
export function shown(path: string): string {
  return relative(process.cwd(), path) || path;
}

function field(block: string, key: string, value: RegExp): string | undefined {
  return new RegExp(`^[ \\t]*${key}[ \\t]*=[ \\t]*${value.source}`, 'm').exec(block)?.[1];
}

function fromEnvironment(schema: Schema, variable: string): string {
  const value = process.env[variable];
  if (value) return value;
  const what =
    value === undefined
      ? `Environment variable not found: ${variable}.`
      : `Error validating datasource \`${schema.name}\`: You must provide a nonempty URL. ` +
        `The environment variable \`${variable}\` resolved to an empty string.`;
  throw invalid(schema, what, `env("${variable}")`);
}

/** A fault in the schema or in a variable that it names, in the words of Prisma's validation. */
function invalid(schema: Schema, what: string, where: string): Failure {
  const line = schema.content.slice(0, schema.content.indexOf(where)).split('\n').length;
  return new Failure(
    'Prisma schema validation - (get-config)\nError code: P1012\n' +
      `error: ${what}\n  -->  ${shown(schema.path)}:${line}\n`,
  );
}

function notFound(places: string[]): string {
  const checked = places.map((place) => `${place}: file not found`).join('\n');
  return (
    'Could not find Prisma Schema that is required for this command.\n' +
    `You can either provide it with \`--schema\` argument or put it into the default location.\n` +
    `Checked following paths:\n\n${checked}\n`
  );
}
