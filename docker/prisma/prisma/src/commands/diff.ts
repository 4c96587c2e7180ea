/** `prisma migrate diff`: what leads from one schema to another, as a summary or as SQL. Reads, without a lock. */
import { writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type DiffTarget, NO_FILTERS, withEngine } from '../engine.js';
import { WrongUsage } from '../failure.js';
import { print } from '../output.js';
import { readSchema, urlOf } from '../schema.js';
import { NoSession, Session } from '../session.js';
import { endOnSignal } from '../signals.js';
import { readTarget, type Target } from '../target.js';

type Options = Record<string, string | boolean | undefined>;

const SIDES = ['from', 'to'] as const;
const KINDS = ['empty', 'schema-datamodel', 'schema-datasource', 'url'] as const;
const NOT_HERE = ['migrations', 'local-d1'];
const CONNECTION = 'datasource db {\n  provider = "postgresql"\n  url      = env("DATABASE_URL")\n}\n';

/** One side of the comparison: what the engine is told, and the database to connect to where it is a live one. */
interface Side {
  told: DiffTarget;
  configuration?: string;
  live?: Target;
}

export async function diff(options: Options): Promise<void> {
  const [from, to] = SIDES.map((side) => sideOf(side, options)) as [Side, Side];
  if (from.live !== undefined && to.live !== undefined) {
    throw new WrongUsage(
      'Only one side can be a live database here. Compare each with a schema file, or use --from-empty.',
    );
  }
  const live = from.live ?? to.live;
  const session = live === undefined ? new NoSession() : await Session.open(live);
  if (session instanceof Session) endOnSignal(session);
  const input = { script: options.script === true, exitCode: options['exit-code'] === true, filters: NO_FILTERS };
  const configuration = from.configuration ?? to.configuration ?? CONNECTION;
  const answer = await withEngine(session, configuration, (engine) =>
    engine.diff({ from: from.told, to: to.told, shadowDatabaseUrl: null, ...input }),
  );
  await session.close();
  const text = (answer.stdout ?? '').trimEnd();
  if (typeof options.output === 'string') writeFileSync(options.output, `${text}\n`);
  else print(text);
  if (options['exit-code'] === true) process.exitCode = answer.exitCode;
}

function sideOf(side: (typeof SIDES)[number], options: Options): Side {
  const absent = NOT_HERE.find((kind) => options[`${side}-${kind}`] !== undefined);
  if (absent !== undefined) {
    throw new WrongUsage(
      `--${side}-${absent} is not supported by this command, which LiteLLM's migrations do not need.`,
    );
  }
  const given = KINDS.filter((kind) => options[`${side}-${kind}`] !== undefined);
  if (given.length !== 1) {
    throw new WrongUsage(`${given.length} \`--${side}-...\` parameter(s) provided. 1 must be provided.`);
  }
  const value = String(options[`${side}-${given[0]}`]);
  switch (given[0]!) {
    case 'empty':
      return { told: { tag: 'empty' } };
    case 'url':
      return database(CONNECTION, readTarget(value, process.cwd()), process.cwd());
    case 'schema-datamodel': {
      const schema = readSchema(value);
      return {
        told: { tag: 'schemaDatamodel', files: [{ path: schema.path, content: schema.content }] },
        configuration: schema.configuration,
      };
    }
    case 'schema-datasource': {
      const schema = readSchema(value);
      const folder = dirname(schema.path);
      return database(schema.configuration, readTarget(urlOf(schema), folder), folder);
    }
  }
}

/** The engine connects nowhere itself: to it a live database is the datasource of a schema, whichever URL is used. */
function database(configuration: string, live: Target, configDir: string): Side {
  const files = [{ path: 'schema.prisma', content: configuration }];
  return { told: { tag: 'schemaDatasource', files, configDir }, configuration, live };
}
