/** The arguments and the environment that prisma-client-py gives its engine. */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';

import { parseSchema, type Schema } from './graphql/schema.js';

export interface Options {
  readonly host: string;
  readonly port: number;
  readonly rawQueries: boolean;
  readonly metrics: boolean;
  readonly logQueries: boolean;
  readonly schema: Schema;
  /** The folder of the schema file: relative paths in the URL start there. */
  readonly folder: string;
  readonly url: string;
}

/** The engine was started wrongly; the message says what to mend. */
export class UsageFault extends Error {}

/** Throws UsageFault. */
export function readOptions(argv: readonly string[], environment: NodeJS.ProcessEnv): Options {
  const given = parseArguments(argv);
  const path = given.datamodelPath ?? environment['PRISMA_DML_PATH'];
  const encoded = environment['PRISMA_DML'];
  let text: string;
  if (path !== undefined) {
    try {
      text = readFileSync(path, 'utf8');
    } catch (error) {
      throw new UsageFault(`PRISMA_DML_PATH names a schema file that cannot be read: ${(error as Error).message}`);
    }
  } else if (encoded !== undefined) {
    text = Buffer.from(encoded, 'base64').toString('utf8');
  } else {
    throw new UsageFault('no data model: set PRISMA_DML_PATH to a schema file');
  }
  let schema: Schema;
  try {
    schema = parseSchema(text);
  } catch (error) {
    throw new UsageFault((error as Error).message);
  }
  return {
    host: given.host,
    port: given.port,
    rawQueries: given.rawQueries,
    metrics: given.metrics,
    logQueries: given.logQueries || environment['LOG_QUERIES'] !== undefined,
    schema,
    folder: path === undefined ? '.' : dirname(path),
    url: databaseUrl(schema, environment),
  };
}

interface Given {
  host: string;
  port: number;
  rawQueries: boolean;
  metrics: boolean;
  logQueries: boolean;
  datamodelPath: string | undefined;
}

function parseArguments(argv: readonly string[]): Given {
  const given: Given = {
    host: '127.0.0.1',
    port: 4466,
    rawQueries: false,
    metrics: false,
    logQueries: false,
    datamodelPath: undefined,
  };
  const rest = argv.flatMap((word) => (/^--[\w-]+=/.test(word) ? splitOnce(word) : [word]));
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const value = (): string => {
      const next = rest.shift();
      if (next === undefined) throw new UsageFault(`${word} needs a value`);
      return next;
    };
    switch (word) {
      case '-p':
      case '--port':
        given.port = portNumber(value());
        break;
      case '-H':
      case '--host':
        given.host = value();
        break;
      case '--datamodel-path':
        given.datamodelPath = value();
        break;
      case '-r':
      case '--enable-raw-queries':
        given.rawQueries = true;
        break;
      case '-m':
      case '--enable-metrics':
        given.metrics = true;
        break;
      case '-n':
      case '--log-queries':
        given.logQueries = true;
        break;
      // Known to the native engine, without an effect here.
      case '-g':
      case '--enable-playground':
      case '-t':
      case '--enable-telemetry-in-response':
      case '--enable-open-telemetry':
        break;
      case '--log-format':
      case '--engine-protocol':
        value();
        break;
      default:
        throw new UsageFault(`unknown argument ${word}`);
    }
  }
  return given;
}

function splitOnce(word: string): string[] {
  const equals = word.indexOf('=');
  return [word.slice(0, equals), word.slice(equals + 1)];
}

function portNumber(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65535) throw new UsageFault('--port must be a number from 0 to 65535');
  return port;
}

/** The URL: an override of the client's, else the variable or the literal of the schema's datasource. */
function databaseUrl(schema: Schema, environment: NodeJS.ProcessEnv): string {
  const overridden = overrides(environment['OVERWRITE_DATASOURCES']).find(
    ({ name }) => name === schema.datasource.name,
  );
  if (overridden !== undefined) return overridden.url;
  const { variable, url } = schema.datasource;
  if (variable === undefined) {
    if (url === undefined)
      throw new UsageFault('the datasource of the schema has no url: write url = env("DATABASE_URL")');
    return url;
  }
  const value = environment[variable];
  if (value === undefined || value === '') {
    throw new UsageFault(`Environment variable not found: ${variable}: set it to the URL of the database`);
  }
  return value;
}

interface Override {
  readonly name: string;
  readonly url: string;
}

/** JSON, or JSON in Base64, as the native engine takes either. */
function overrides(text: string | undefined): readonly Override[] {
  if (text === undefined || text === '') return [];
  const json = /^[\w+/]+=*$/.test(text) ? Buffer.from(text, 'base64').toString('utf8') : text;
  try {
    return JSON.parse(json) as Override[];
  } catch {
    throw new UsageFault('OVERWRITE_DATASOURCES is neither JSON nor JSON in Base64');
  }
}
