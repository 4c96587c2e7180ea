/**
 * Makes plans by watching the engine: it runs a query with strings of ours in a transaction that reaches no database,
 * and the statement, its arguments, and the answers to rows of ours show what the plan is. A query has a plan only if
 * all of that is as foreseen.
 */
import type { Query, Result, ResultSet, Transaction } from '../engine/adapter.js';
import type { Engine } from '../engine/engine.js';
import type { WasmEngine } from '../engine/wasm.js';
import { untagged } from '../graphql/answer.js';
import type { Field, Model } from '../graphql/schema.js';
import type { Operation, Translator } from '../graphql/translator.js';
import { knownReader } from '../postgres/columns.js';
import { writeRow, type Plan, type PlanArgument, type PlanColumn } from './plan.js';
import { textOf } from './shape.js';
import { writerOf } from './values.js';

const NO_TRACE = '{}';
/** In milliseconds: as long as the engine's timers go, 24 days; afterwards new shapes get no plans. */
const LIFETIME = 2 ** 31 - 1;
const NOTHING: Result<undefined> = { ok: true, value: undefined };

type Row = ReadonlyArray<string | null>;

/** A transaction without a database: notes statements, answers with rows that it was given. */
class Stage {
  readonly statements: Query[] = [];
  rows: readonly Row[] = [];
  columns: readonly PlanColumn[] = [];

  readonly transaction: Transaction = {
    provider: 'postgres',
    adapterName: 'slipway-plans',
    options: { usePhantomQuery: true },
    queryRaw: (query) => Promise.resolve(this.answer(query)),
    executeRaw: (query) => {
      this.statements.push(query);
      return Promise.resolve({ ok: true, value: 0 });
    },
    commit: () => Promise.resolve(NOTHING),
    rollback: () => Promise.resolve(NOTHING),
  };

  private answer(query: Query): Result<ResultSet> {
    this.statements.push(query);
    const readers = this.columns.map(({ writer }) => knownReader(writer.oids[0]!)!);
    return {
      ok: true,
      value: {
        columnNames: readers.map((_, index) => `c${index}`),
        columnTypes: readers.map((reader) => reader.type),
        rows: this.rows.map((row) => row.map((text, index) => (text === null ? null : readers[index]!.read(text)))),
      },
    };
  }
}

export class Planner {
  private queue: Promise<unknown> = Promise.resolve();
  private planning = 0;
  private stage = new Stage();
  private transaction = '';

  constructor(
    private readonly engine: Engine,
    private readonly translator: Translator,
    private readonly stageNext: (transaction: Transaction) => void,
  ) {}

  /** Must be called while nobody else uses the engine: the next transaction that it begins is the planner's. */
  async open(engine: WasmEngine): Promise<void> {
    this.stage = new Stage();
    this.stageNext(this.stage.transaction);
    const options = { max_wait: LIFETIME, timeout: LIFETIME, isolation_level: null };
    const { id } = JSON.parse(await engine.startTransaction(JSON.stringify(options), NO_TRACE)) as { id: string };
    this.transaction = id;
  }

  get busy(): boolean {
    return this.planning > 0;
  }

  /** The plan for the shape `key`, undefined where there is none. One is made at a time. */
  plan(key: string): Promise<Plan | undefined> {
    this.planning += 1;
    const made = this.queue
      .then(() => this.make(key))
      .finally(() => {
        this.planning -= 1;
      });
    this.queue = made.catch(() => undefined);
    return made;
  }

  private async make(key: string): Promise<Plan | undefined> {
    const strings = Array.from({ length: key.split('"').length - 1 }, (_, index) => `slipway string ${index}`);
    const operation = this.translator.translate(
      textOf(
        key,
        strings.map((text) => JSON.stringify(text)),
      ),
    );
    if (operation.model === undefined || !findsByStrings(operation.json, operation.model)) return undefined;
    const absent = await this.watch(operation, [], []);
    const [statement, another] = absent.statements;
    if (statement === undefined || another !== undefined) return undefined;
    const values = planArguments(statement, strings);
    const columns = planColumns(statement.sql, operation);
    if (values === undefined || columns === undefined) return undefined;
    const order = operation.selected.map((name) => columns.findIndex(({ field }) => field === name));
    const plan: Plan = {
      sql: statement.sql,
      arguments: values,
      columns,
      order,
      alias: operation.alias,
      mustFind: operation.field.endsWith('OrThrow'),
    };
    return !order.includes(-1) && (await this.agrees(plan, operation, absent.answer)) ? plan : undefined;
  }

  /** Whether the engine answers as the plan would: nothing found, every value, every null. */
  private async agrees(plan: Plan, operation: Operation, absent: string): Promise<boolean> {
    const start = `{"data":{"${operation.field}":`;
    if (plan.mustFind ? absent.startsWith(start) : absent !== `${start}null}}`) return false;
    const full = plan.columns.map(({ writer }) => writer.sample);
    const sparse = plan.columns.map(({ required, writer }) => (required ? writer.sample : null));
    for (const row of [full, sparse]) {
      const { answer } = await this.watch(operation, plan.columns, [row]);
      if (untagged(answer) !== `${start}${writeRow(plan, row)}}}`) return false;
    }
    return true;
  }

  private async watch(
    operation: Operation,
    columns: readonly PlanColumn[],
    rows: readonly Row[],
  ): Promise<{ statements: readonly Query[]; answer: string }> {
    Object.assign(this.stage, { columns, rows });
    this.stage.statements.length = 0;
    const answer = await this.engine.query(operation.json, this.transaction);
    return { statements: [...this.stage.statements], answer };
  }
}

/** Whether the record is looked for by plain strings, alone or in a compound, which the engine passes on as they are. */
function findsByStrings(json: string, model: Model): boolean {
  const { query } = JSON.parse(json) as { query: { arguments: Record<string, unknown> } };
  const { where, ...others } = query.arguments;
  return Object.keys(others).length === 0 && isStrings(where, model, 2);
}

function isStrings(where: unknown, model: Model, levels: number): boolean {
  if (typeof where !== 'object' || where === null || levels === 0) return false;
  return Object.entries(where).every(([key, value]) => {
    const field = model.fields.get(key);
    if (typeof value !== 'string') return field === undefined && isStrings(value, model, levels - 1);
    return field?.type === 'String' && !field.list && (field.native === undefined || field.native === 'Text');
  });
}

/** Each string must be an argument exactly once; what else there is must be numbers, such as the limit. */
function planArguments({ sql, args }: Query, strings: readonly string[]): readonly PlanArgument[] | undefined {
  const found: PlanArgument[] = [];
  for (const value of args) {
    if (typeof value === 'bigint') found.push({ constant: value });
    else if (typeof value === 'string' && strings.includes(value)) found.push({ literal: strings.indexOf(value) });
    else return undefined;
  }
  const literals = found.flatMap((argument) => ('literal' in argument ? [argument.literal] : []));
  const eachOnce = literals.length === strings.length && new Set(literals).size === strings.length;
  return eachOnce && !strings.some((text) => sql.includes(text)) ? found : undefined;
}

/** What the statement selects, which must be columns of the model and nothing else. */
function planColumns(sql: string, operation: Operation): readonly PlanColumn[] | undefined {
  const list = /^SELECT (.*?) FROM "/.exec(sql)?.[1]?.split(', ') ?? [];
  const byColumn = new Map<string, Field>();
  for (const field of operation.model!.fields.values()) byColumn.set(field.column, field);
  const columns: PlanColumn[] = [];
  for (const item of list) {
    const name = /^(?:"[^"]+"\.){1,2}"([^"]+)"$/.exec(item)?.[1];
    const field = name === undefined ? undefined : byColumn.get(name);
    const writer = field === undefined ? undefined : writerOf(field);
    if (field === undefined || writer === undefined) return undefined;
    const asked = operation.selected.includes(field.name);
    // An empty list may be NULL in the database; the engine knows.
    columns.push({ field: asked ? field.name : undefined, required: field.required || field.list, writer });
  }
  return columns.length > 0 ? columns : undefined;
}
