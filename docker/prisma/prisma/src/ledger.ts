/** `_prisma_migrations`, the ledger: read without the engine where that is enough, and kept so that a kill is safe. */
import type { Statements } from './adapter.js';
import type { DriverError } from './connection-failure.js';
import { Failure } from './failure.js';
import { checksum, type Migration } from './migrations.js';
import { scriptFailure } from './script-failure.js';
import type { Rows, Session } from './session.js';
import { indexOf, mannerOf } from './sql.js';

const TABLE = '_prisma_migrations';
/** "cannot run inside a transaction block", "invalid transaction termination": the whole attempt was rolled back. */
const WANTS_NO_TRANSACTION = ['25001', '2D000'];

/**
 * Whether the ledger holds every one of `migrations`, finished with this script, and no failed one. Then the engine
 * would find nothing to apply; what it needs no lock to know, it is not loaded for. Anything else is for it to judge.
 */
export async function isComplete(session: Session, migrations: Migration[]): Promise<boolean> {
  let answer: Rows;
  try {
    const done = 'finished_at IS NOT NULL AND rolled_back_at IS NULL';
    const failed = 'finished_at IS NULL AND rolled_back_at IS NULL';
    const text = `SELECT migration_name, checksum, ${done}, ${failed} FROM ${session.qualified(TABLE)}`;
    answer = await session.query(text, []);
  } catch {
    // No ledger yet, or one that cannot be read: the engine says which.
    return false;
  }
  const rows = answer.rows as [string, string, boolean, boolean][];
  if (rows.some(([, , , failed]) => failed)) return false;
  const applied = new Map(rows.filter(([, , done]) => done).map(([name, sum]) => [name, sum]));
  return migrations.every(({ name, script }) => !(script instanceof Error) && applied.get(name) === checksum(script));
}

interface Entry {
  id: string;
  checksum: string;
  startedAt: string;
  name: string;
}

/**
 * Between the engine and the database while migrations are applied.
 *
 * The engine writes a row, runs the script, then finishes the row: three transactions, and a kill between them leaves a
 * row that nobody can judge. Here the row is held back and commits in the script's own transaction, finished. A kill
 * leaves a migration applied with its row, or no trace of it. Where a script fails, the row is written as ever.
 */
export class Ledger implements Statements {
  private held: Entry | undefined;
  private finished: string | undefined;
  /** Why a script failed, in the words of Prisma's native engine, which the one in WebAssembly does not know. */
  failure: Failure | undefined;
  /** Set by a signal: no further migration begins. */
  stopping = false;
  /** The migration whose script runs now and would be left half-done by an end of this process. */
  unsafe: string | undefined;

  constructor(private readonly session: Session) {}

  async query(text: string, values: unknown[]): Promise<Rows> {
    if (text.startsWith(`INSERT INTO "${TABLE}" ("id","checksum","started_at","migration_name")`)) {
      if (this.stopping) throw new Failure('Interrupted.');
      const [id, sum, startedAt, name] = values as string[];
      this.held = { id: id!, checksum: sum!, startedAt: startedAt!, name: name! };
      return NO_ROWS;
    }
    if (this.finished !== undefined && text.startsWith(`UPDATE "${TABLE}"`) && values.at(-1) === this.finished)
      return NO_ROWS;
    await this.writeHeld();
    const said = this.failure !== undefined && text.startsWith(`UPDATE "${TABLE}" SET "logs"`);
    return this.session.query(text, said ? [this.failure!.message, ...values.slice(1)] : values);
  }

  async script(text: string): Promise<void> {
    const entry = this.held;
    try {
      if (entry === undefined) return await this.session.script(text);
      await this.apply(text, entry);
    } catch (error) {
      // A signal cancelled the script and PostgreSQL rolled it back: nothing may be written of it before the end.
      if (this.stopping && this.unsafe === undefined) await new Promise(() => {});
      this.failure = scriptFailure(error as DriverError, entry?.name ?? '', text);
      throw error;
    }
  }

  private async apply(text: string, entry: Entry): Promise<void> {
    const manner = mannerOf(text);
    if (manner === 'repeatable') {
      await this.dropUnfinishedIndex(text);
      await this.session.script(text);
      await this.session.script(this.finishedRow(entry, this.session.literal(new Date().toISOString())));
      return this.settle(entry);
    }
    if (manner === 'atomic') {
      try {
        const elapsed = '(clock_timestamp() - statement_timestamp())';
        const end = `${this.session.literal(entry.startedAt)}::timestamptz + ${elapsed}`;
        await this.session.script(`${text}\n;${this.finishedRow(entry, end)}`);
        return this.settle(entry);
      } catch (error) {
        if (!WANTS_NO_TRANSACTION.includes((error as DriverError).code ?? '')) throw error;
      }
    }
    this.unsafe = entry.name;
    try {
      await this.writeHeld();
      await this.session.script(text);
    } finally {
      this.unsafe = undefined;
    }
  }

  private settle(entry: Entry): void {
    this.held = undefined;
    this.finished = entry.id;
  }

  /** An interrupted build leaves an invalid index of this name, which IF NOT EXISTS would take for a good one. */
  private async dropUnfinishedIndex(text: string): Promise<void> {
    const name = indexOf(text);
    if (name === undefined) return;
    const sql = `SELECT 1 FROM pg_index WHERE indexrelid = to_regclass($1) AND NOT indisvalid`;
    const { rows } = await this.session.query(sql, [name]);
    if (rows.length > 0) await this.session.script(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`);
  }

  /** The row as the engine would have left it. `end` is an expression, in the clock of the row's start. */
  private finishedRow({ id, checksum: sum, startedAt, name }: Entry, end: string): string {
    const [row, start, script, title] = [id, startedAt, sum, name].map((value) => this.session.literal(value));
    return (
      `INSERT INTO ${this.session.qualified(TABLE)} ` +
      '("id", "checksum", "started_at", "migration_name", "applied_steps_count", "finished_at") ' +
      `VALUES (${row}, ${script}, ${start}, ${title}, 1, ${end})`
    );
  }

  private async writeHeld(): Promise<void> {
    const entry = this.held;
    if (entry === undefined) return;
    this.held = undefined;
    await this.session.query(
      `INSERT INTO ${this.session.qualified(TABLE)} ("id", "checksum", "started_at", "migration_name") ` +
        'VALUES ($1, $2, $3, $4)',
      [entry.id, entry.checksum, entry.startedAt, entry.name],
    );
  }
}

const NO_ROWS: Rows = { columnNames: [], columnTypes: [], rows: [], count: 1 };
