/** The folder of migrations: one directory each, applied in the order of their names. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MigrationList } from './engine.js';

export interface Migration {
  name: string;
  /** The script, or what the system said when it was read. */
  script: Buffer | Error;
}

/** Reads every migration in `folder`; a folder that does not exist holds none. */
export function readMigrations(folder: string): Migration[] {
  return names(folder).map((name) => {
    try {
      return { name, script: readFileSync(join(folder, name, 'migration.sql')) };
    } catch (error) {
      return { name, script: error as Error };
    }
  });
}

/** The checksum that the ledger keeps of a script. */
export function checksum(script: Buffer): string {
  return createHash('sha256').update(script).digest('hex');
}

/** The provider that the folder was made for, as its lock file says; undefined without one. */
export function lockedProvider(folder: string): string | undefined {
  return /^\s*provider\s*=\s*"([^"]*)"/m.exec(lockfile(folder) ?? '')?.[1];
}

/** The migrations in the engine's form. */
export function listed(folder: string, migrations: Migration[]): MigrationList {
  return {
    baseDir: folder,
    lockfile: { path: 'migration_lock.toml', content: lockfile(folder) },
    shadowDbInitScript: '',
    migrationDirectories: migrations.map(({ name, script }) => ({
      path: name,
      migrationFile: {
        // The engine only says it, where the file is missing.
        path: join(folder, name, 'migration.sql'),
        content:
          script instanceof Error
            ? { tag: 'error', value: script.message }
            : { tag: 'ok', value: script.toString('utf8') },
      },
    })),
  };
}

/** `3 migrations found in prisma/migrations`, as Prisma's command says it wherever the folder is. */
export function found(migrations: Migration[]): string {
  const { length } = migrations;
  return `${length === 0 ? 'No migration' : `${length} migration${length > 1 ? 's' : ''}`} found in prisma/migrations`;
}

function names(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function lockfile(folder: string): string | null {
  try {
    return readFileSync(join(folder, 'migration_lock.toml'), 'utf8');
  } catch {
    return null;
  }
}
