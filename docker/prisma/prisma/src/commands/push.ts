/** `prisma db push`: brings the database to the schema without migrations. */
import { NO_FILTERS, withEngine } from '../engine.js';
import { Failure } from '../failure.js';
import { print } from '../output.js';
import { announcedPlace, openOrCreate, type Place } from '../place.js';
import { endOnSignal } from '../signals.js';
import { explainClient } from './generate.js';

interface Options {
  schema?: string;
  'accept-data-loss'?: boolean;
  'force-reset'?: boolean;
  'skip-generate'?: boolean;
}

export async function push(options: Options): Promise<void> {
  const place = announcedPlace(options.schema);
  const session = await openOrCreate(place);
  endOnSignal(session);
  const { schema } = place;
  const files = [{ path: schema.path, content: schema.content }];
  const begun = performance.now();
  const outcome = await withEngine(session, schema.configuration, async (engine) => {
    if (options['force-reset']) {
      await engine.reset({ filter: NO_FILTERS });
      print(`\n${resetOf(place)}`);
    }
    return engine.schemaPush({ force: options['accept-data-loss'] ?? false, schema: { files }, filters: NO_FILTERS });
  });
  await session.close();

  if (outcome.unexecutable.length > 0) {
    throw new Failure(
      `\n⚠️ We found changes that cannot be executed:\n\n${bullets(outcome.unexecutable)}\n\n` +
        'Use the --force-reset flag to drop the database before push like prisma db push --force-reset\n' +
        'All data will be lost.\n',
    );
  }
  if (outcome.warnings.length > 0) {
    print(`\n⚠️  There might be data loss when applying the changes:\n\n${bullets(outcome.warnings)}\n`);
    if (!options['accept-data-loss']) {
      throw new Failure(
        'Use the --accept-data-loss flag to ignore the data loss warnings like prisma db push --accept-data-loss',
      );
    }
  }
  if (!options['force-reset'] && outcome.warnings.length === 0 && outcome.executedSteps === 0) {
    print('\nThe database is already in sync with the Prisma schema.');
  } else {
    const milliseconds = Math.round(performance.now() - begun);
    print(`\n🚀  Your database is now in sync with your Prisma schema. Done in ${milliseconds}ms`);
  }
  if (!options['skip-generate'] && !process.env.PRISMA_MIGRATE_SKIP_GENERATE) print(`\n${explainClient(schema)}`);
}

function resetOf({ description, schema }: Place): string {
  return `The ${description} ${schema.schemas.length > 1 ? 'were' : 'was'} successfully reset.`.replaceAll(
    ', schema',
    ' schema',
  );
}

function bullets(lines: string[]): string {
  return lines.map((line) => `  • ${line}`).join('\n\n');
}
