/** `prisma migrate status`: how the ledger and the folder of migrations differ. Exit code 1 when they do. */
import { type MigrationHistory, NO_FILTERS, withEngine } from '../engine.js';
import { Failure } from '../failure.js';
import { found, listed, type Migration, readMigrations } from '../migrations.js';
import { print } from '../output.js';
import { announcedPlace, openExisting } from '../place.js';
import { endOnSignal } from '../signals.js';

const HOW_TO_RESOLVE =
  'Read more about how to resolve migration issues in a production database:\nhttps://pris.ly/d/migrate-resolve';
const HOW_TO_BASELINE =
  'Read more about how to baseline an existing production database:\nhttps://pris.ly/d/migrate-baseline';

export async function status(options: { schema?: string }): Promise<void> {
  const place = announcedPlace(options.schema);
  const session = await openExisting(place);
  endOnSignal(session);
  const migrations = readMigrations(place.schema.migrations);
  const migrationsList = listed(place.schema.migrations, migrations);
  const diagnosis = await withEngine(session, place.schema.configuration, (engine) =>
    engine.diagnoseMigrationHistory({ migrationsList, filters: NO_FILTERS, optInToShadowDatabase: false }),
  );
  await session.close();

  print(`\n${found(migrations)}`);
  if (diagnosis.history?.diagnostic === 'databaseIsBehind') {
    const names = diagnosis.history.unappliedMigrationNames;
    print(`Following migration${names.length > 1 ? 's' : ''} have not yet been applied:\n${names.join('\n')}\n`);
    print('To apply migrations in development run prisma migrate dev.');
    print('To apply migrations in production run prisma migrate deploy.');
    process.exitCode = 1;
    return;
  }
  const trouble = troubleIn(diagnosis, migrations);
  if (trouble !== undefined) throw new Difference(trouble);
  print('\nDatabase schema is up to date!');
}

/** Printed as it is: it says what was found, not that the command failed. */
class Difference extends Failure {
  override get text(): string {
    return this.message;
  }
}

function troubleIn(diagnosis: MigrationHistory, migrations: Migration[]): string | undefined {
  const { history, failedMigrationNames: failed } = diagnosis;
  if (history?.diagnostic === 'historiesDiverge') {
    const {
      lastCommonMigrationName: common,
      unappliedMigrationNames: here,
      unpersistedMigrationNames: there,
    } = history;
    return (
      'Your local migration history and the migrations table from your database are different:\n\n' +
      `The last common migration is: ${common}\n\n` +
      `The migration${here.length > 1 ? 's' : ''} have not yet been applied:\n${here.join('\n')}\n\n` +
      `The migration${there.length > 1 ? 's' : ''} from the database are not found locally in prisma/migrations:\n` +
      there.join('\n')
    );
  }
  if (diagnosis.hasMigrationsTable) {
    if (failed.length === 0) return undefined;
    return (
      `Following migration${failed.length > 1 ? 's' : ''} have failed:\n${failed.join('\n')}\n\n` +
      'The failed migration(s) can be marked as rolled back or applied:\n\n' +
      `- If you rolled back the migration(s) manually:\nprisma migrate resolve --rolled-back "${failed[0]}"\n\n` +
      `- If you fixed the database manually (hotfix):\nprisma migrate resolve --applied "${failed[0]}"\n\n` +
      HOW_TO_RESOLVE
    );
  }
  const unmanaged = 'The current database is not managed by Prisma Migrate.\n\n';
  const [first] = migrations;
  if (first === undefined) return unmanaged + HOW_TO_BASELINE;
  return (
    `${unmanaged}If you want to keep the current database structure and data and create new migrations, ` +
    `baseline this database with the migration "${first.name}":\n` +
    `prisma migrate resolve --applied "${first.name}"\n\n${HOW_TO_BASELINE}`
  );
}
