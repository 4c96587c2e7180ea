/** A unique read that needs no engine: the SQL that the engine compiled for its shape, and the form of its answers. */
import type { Connection } from '../postgres/connection.js';
import type { Outcome } from '../postgres/statement.js';
import { Doubt, type Writer } from './values.js';

/** An argument of the statement: one of the query's strings, by its number, or what the engine always sends. */
export type PlanArgument = { readonly literal: number } | { readonly constant: bigint };

export interface PlanColumn {
  /** The field's name in the answer; undefined for a column that the query did not ask for. */
  readonly field: string | undefined;
  readonly required: boolean;
  readonly writer: Writer;
}

export interface Plan {
  readonly sql: string;
  readonly arguments: readonly PlanArgument[];
  readonly columns: readonly PlanColumn[];
  /** The columns of the answer's fields, in the order of the answer. */
  readonly order: readonly number[];
  readonly alias: string;
  /** Whether finding nothing is an error, which the engine words. */
  readonly mustFind: boolean;
}

/** Runs `plan`; throws Doubt where the engine must answer, else what the connection throws. */
export async function runPlan(plan: Plan, literals: readonly string[], connection: Connection): Promise<string> {
  const values = plan.arguments.map((argument) =>
    'literal' in argument ? wellFormed(JSON.parse(literals[argument.literal]!) as string) : argument.constant,
  );
  return answerOf(plan, await connection.run(plan.sql, values));
}

/** Half a surrogate pair would be sent as another character; the engine refuses it. */
function wellFormed(value: string): string {
  if (LONE_SURROGATE.test(value)) throw new Doubt();
  return value;
}

const LONE_SURROGATE = /\p{Surrogate}/u;

function answerOf(plan: Plan, { columns, rows }: Outcome): string {
  const [row, another] = rows;
  if (another !== undefined || columns.length !== plan.columns.length) throw new Doubt();
  if (row === undefined) {
    if (plan.mustFind) throw new Doubt();
    return `{"data":{"${plan.alias}":null}}`;
  }
  for (let index = 0; index < columns.length; index += 1) {
    if (!plan.columns[index]!.writer.oids.includes(columns[index]!.dataTypeID)) throw new Doubt();
  }
  return `{"data":{"${plan.alias}":${writeRow(plan, row)}}}`;
}

/** The record that `row` is, as JSON; throws Doubt. */
export function writeRow(plan: Pick<Plan, 'columns' | 'order'>, row: ReadonlyArray<string | null>): string {
  let text = '';
  for (const index of plan.order) {
    const { field, required, writer } = plan.columns[index]!;
    const value = row[index] ?? null;
    if (value === null && required) throw new Doubt();
    text += `${text === '' ? '{' : ','}"${field}":${value === null ? 'null' : writer.write(value)}`;
  }
  return `${text}}`;
}
