/** `prisma migrate deploy`: applies the migrations that the ledger does not hold yet. */
import { withEngine, NO_FILTERS } from '../engine.js';
import { isComplete, Ledger } from '../ledger.js';
import { found, listed, lockedProvider, readMigrations } from '../migrations.js';
import { print } from '../output.js';
import { announcedPlace, openOrCreate } from '../place.js';
import { endOnSignal } from '../signals.js';

export async function deploy(options: { schema?: string }): Promise<void> {
  const place = announcedPlace(options.schema);
  const session = await openOrCreate(place);
  const folder = place.schema.migrations;
  const migrations = readMigrations(folder);
  print(`\n${found(migrations)}\n`);

  const ledger = new Ledger(session);
  endOnSignal(session, ledger);
  let applied: string[] = [];
  if (lockedProvider(folder) !== 'postgresql' || !(await isComplete(session, migrations))) {
    const input = { migrationsList: listed(folder, migrations), filters: NO_FILTERS };
    try {
      const answer = await withEngine(
        session,
        place.schema.configuration,
        (engine) => engine.applyMigrations(input),
        ledger,
      );
      applied = answer.appliedMigrationNames;
    } catch (error) {
      throw ledger.failure ?? error;
    }
  }
  await session.close();

  print();
  if (applied.length === 0) return print('No pending migrations to apply.');
  const tree = applied.map((name) => `\n  └─ ${name}/\n    └─ migration.sql`).join('');
  print(`The following migration(s) have been applied:\n\nmigrations/${tree}`);
  print('      \nAll migrations have been successfully applied.');
}
