/** One statement on one connection: prepared, bound with its arguments as text, executed. */
import type { Column, Connection, ServerMessage, Submittable } from 'pg';

/** A prepared statement as one connection knows it. */
export interface Prepared {
  readonly name: string;
  readonly parameters: readonly number[];
  readonly columns: readonly Column[];
}

export type Argument = string | Buffer | null;

export interface Outcome {
  readonly columns: readonly Column[];
  readonly rows: ReadonlyArray<ReadonlyArray<string | null>>;
  /** The command that was done, and the rows that it says it affected. */
  readonly command: string;
  readonly affected: number;
}

const NO_COLUMNS: readonly Column[] = [];
const NO_PARAMETERS: readonly number[] = [];

export class Statement implements Submittable {
  private parameters: readonly number[] = NO_PARAMETERS;
  private columns: readonly Column[] = NO_COLUMNS;
  private readonly rows: Array<ReadonlyArray<string | null>> = [];
  private tag = '';
  private synced = false;
  private described = false;
  private failure: Error | undefined;
  private connection: Connection | undefined;

  /**
   * `known` is the statement from an earlier run; else it is prepared under `name` ("" is PostgreSQL's unnamed one) and
   * handed to `keep`. `bind` turns the engine's arguments into text for the types that the server expects.
   */
  constructor(
    private readonly text: string,
    private readonly statementName: string,
    private readonly known: Prepared | undefined,
    private readonly bind: (parameters: readonly number[]) => Argument[],
    private readonly keep: (prepared: Prepared) => void,
    private readonly done: (error: Error | undefined, outcome: Outcome | undefined) => void,
  ) {}

  submit(connection: Connection): void {
    if (this.known !== undefined) {
      this.columns = this.known.columns;
      this.execute(connection, this.known.parameters);
      return;
    }
    connection.once('parameterDescription', this.onParameters);
    connection.once('noData', this.onNoData);
    connection.stream.cork();
    connection.parse({ text: this.text, name: this.statementName });
    connection.describe({ type: 'S', name: this.statementName });
    connection.flush();
    connection.stream.uncork();
    this.connection = connection;
  }

  private readonly onParameters = (message: { dataTypeIDs: number[] }): void => {
    this.parameters = message.dataTypeIDs;
  };

  private readonly onNoData = (): void => {
    this.prepared();
  };

  handleRowDescription(message: { fields: Column[] }): void {
    this.columns = message.fields;
    this.prepared();
  }

  private prepared(): void {
    if (this.described) return;
    this.described = true;
    const connection = this.connection!;
    this.forget(connection);
    this.keep({ name: this.statementName, parameters: this.parameters, columns: this.columns });
    this.execute(connection, this.parameters);
  }

  private execute(connection: Connection, parameters: readonly number[]): void {
    this.synced = true;
    let values: Argument[];
    try {
      values = this.bind(parameters);
    } catch (error) {
      this.failure = error as Error;
      connection.sync();
      return;
    }
    connection.stream.cork();
    connection.bind({ statement: this.statementName, values });
    connection.execute({});
    connection.sync();
    connection.stream.uncork();
  }

  handleDataRow(message: { fields: Array<string | null> }): void {
    this.rows.push(message.fields);
  }

  handleCommandComplete(message: { text: string }): void {
    this.tag = message.text;
  }

  handleReadyForQuery(): void {
    if (this.failure !== undefined) {
      this.done(this.failure, undefined);
    } else {
      const [, command, count] = /^(.*?)(?: \d+)*?(?: (\d+))?$/.exec(this.tag)!;
      this.done(undefined, { columns: this.columns, rows: this.rows, command: command!, affected: Number(count ?? 0) });
    }
  }

  handleError(error: ServerMessage, connection: Connection): void {
    this.forget(connection);
    // The server skips everything until a sync; one that was sent already must not be answered twice.
    if (!this.synced) connection.sync();
    this.done(error, undefined);
  }

  handleCopyInResponse(connection: Connection): void {
    connection.sendCopyFail('COPY FROM STDIN is not possible here');
  }

  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
  handleCopyData(): void {}

  private forget(connection: Connection): void {
    connection.off('parameterDescription', this.onParameters);
    connection.off('noData', this.onNoData);
  }
}
