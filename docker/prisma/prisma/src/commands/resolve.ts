/** `prisma migrate resolve`: records a migration as applied, or a failed one as rolled back. */
import { withEngine } from '../engine.js';
import { Failure } from '../failure.js';
import { listed, readMigrations } from '../migrations.js';
import { print } from '../output.js';
import { announcedPlace, openExisting } from '../place.js';
import { endOnSignal } from '../signals.js';

export async function resolve(options: { schema?: string; applied?: string; 'rolled-back'?: string }): Promise<void> {
  const { applied, 'rolled-back': rolledBack } = options;
  const place = announcedPlace(options.schema);
  if (applied !== undefined && rolledBack !== undefined)
    throw new Failure('Pass either --applied or --rolled-back, not both.');
  const name = applied ?? rolledBack;
  if (!name) {
    throw new Failure(
      '--applied or --rolled-back must be part of the command like:\n' +
        'prisma migrate resolve --applied 20201231000000_example\n' +
        'prisma migrate resolve --rolled-back 20201231000000_example',
    );
  }
  const session = await openExisting(place);
  endOnSignal(session);
  const folder = place.schema.migrations;
  await withEngine(session, place.schema.configuration, async (engine) => {
    if (applied === undefined) await engine.markMigrationRolledBack({ migrationName: name });
    else
      await engine.markMigrationApplied({
        migrationName: name,
        migrationsList: listed(folder, readMigrations(folder)),
      });
  });
  await session.close();
  print(`\nMigration ${name} marked as ${applied === undefined ? 'rolled back' : 'applied'}.\n`);
}
