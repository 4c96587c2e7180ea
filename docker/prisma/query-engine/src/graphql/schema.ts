/** What the translation needs to know of a data model: models, the kind of each field, and the root fields' names. */

export type Kind = 'json' | 'scalar' | 'relation';

export interface Field {
  readonly name: string;
  readonly type: string;
  readonly kind: Kind;
  readonly list: boolean;
  readonly required: boolean;
  /** The column's name in the database. */
  readonly column: string;
  /** What `@db.` says, such as `VarChar`. */
  readonly native: string | undefined;
}

export interface Model {
  readonly name: string;
  readonly fields: ReadonlyMap<string, Field>;
}

export interface Datasource {
  readonly name: string;
  readonly provider: string;
  /** A literal URL, or the variable that holds it. */
  readonly url: string | undefined;
  readonly variable: string | undefined;
}

export interface Schema {
  readonly text: string;
  readonly models: ReadonlyMap<string, Model>;
  readonly datasource: Datasource;
}

/** Parses `text`; throws Error when there is no datasource block. The engine itself validates everything else. */
export function parseSchema(text: string): Schema {
  const blocks = [...blocksOf(withoutComments(text))];
  const modelNames = new Set(blocks.filter((block) => block.keyword === 'model').map((block) => block.name));
  const models = new Map<string, Model>();
  let datasource: Datasource | undefined;
  for (const block of blocks) {
    if (block.keyword === 'model') {
      models.set(block.name, parseModel(block, modelNames));
    } else if (block.keyword === 'datasource') {
      datasource = parseDatasource(block);
    }
  }
  if (datasource === undefined) {
    throw new Error('the schema has no datasource block: add one with `provider = "postgresql"` and a `url`');
  }
  return { text, models, datasource };
}

interface Block {
  readonly keyword: string;
  readonly name: string;
  readonly lines: readonly string[];
}

function* blocksOf(text: string): Generator<Block> {
  let open: { keyword: string; name: string; lines: string[] } | undefined;
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    if (open === undefined) {
      const head = /^(model|view|type|enum|datasource|generator)\s+(\w+)\s*\{(.*)$/.exec(line);
      if (head === null) continue;
      open = { keyword: head[1] === 'view' ? 'model' : head[1]!, name: head[2]!, lines: [] };
      if (head[3]!.trim() === '}') {
        yield open;
        open = undefined;
      }
    } else if (line === '}') {
      yield open;
      open = undefined;
    } else if (line !== '') {
      open.lines.push(line);
    }
  }
}

/** Removes `//` comments, leaving those characters inside strings alone. */
function withoutComments(text: string): string {
  return text.replace(/"(?:[^"\\\n]|\\.)*"|\/\/[^\n]*/g, (found) => (found.startsWith('"') ? found : ''));
}

function parseModel(block: Block, modelNames: ReadonlySet<string>): Model {
  const fields = new Map<string, Field>();
  for (const line of block.lines) {
    const found = /^(\w+)\s+(?:Unsupported\s*\(.*?"\)|(\w+))(\s*\[\s*\])?(\?)?(.*)$/.exec(line);
    if (found === null || found[2] === undefined) continue;
    const [, name, type, list, optional, attributes] = found;
    const kind: Kind = modelNames.has(type!) ? 'relation' : type === 'Json' ? 'json' : 'scalar';
    fields.set(name!, {
      name: name!,
      type: type!,
      kind,
      list: list !== undefined,
      required: optional === undefined,
      column: unquoted(/@map\(\s*(?:name:\s*)?("(?:[^"\\]|\\.)*")/.exec(attributes!)?.[1]) ?? name!,
      native: /@\w+\.(\w+)/.exec(attributes!)?.[1],
    });
  }
  return { name: block.name, fields };
}

function parseDatasource(block: Block): Datasource {
  const values = new Map<string, string>();
  for (const line of block.lines) {
    const found = /^(\w+)\s*=\s*(.*)$/.exec(line);
    if (found !== null) values.set(found[1]!, found[2]!.trim());
  }
  const url = values.get('url') ?? '';
  const variable = /^env\(\s*("(?:[^"\\]|\\.)*")\s*\)$/.exec(url)?.[1];
  return {
    name: block.name,
    provider: unquoted(values.get('provider')) ?? '',
    url: unquoted(url),
    variable: unquoted(variable),
  };
}

function unquoted(text: string | undefined): string | undefined {
  return text?.startsWith('"') ? (JSON.parse(text) as string) : undefined;
}

export interface RootField {
  readonly action: string;
  readonly model: Model | undefined;
}

const ACTIONS: ReadonlyArray<readonly [prefix: string, suffix: string, action: string]> = [
  ['findUnique', '', 'findUnique'],
  ['findUnique', 'OrThrow', 'findUniqueOrThrow'],
  ['findFirst', '', 'findFirst'],
  ['findFirst', 'OrThrow', 'findFirstOrThrow'],
  ['findMany', '', 'findMany'],
  ['aggregate', '', 'aggregate'],
  ['groupBy', '', 'groupBy'],
  ['createOne', '', 'createOne'],
  ['createMany', '', 'createMany'],
  ['createMany', 'AndReturn', 'createManyAndReturn'],
  ['updateOne', '', 'updateOne'],
  ['updateMany', '', 'updateMany'],
  ['upsertOne', '', 'upsertOne'],
  ['deleteOne', '', 'deleteOne'],
  ['deleteMany', '', 'deleteMany'],
];

/** The GraphQL root fields of `schema`, by name; with those for SQL of the client's own if `raw`. */
export function rootFields(schema: Schema, raw: boolean): ReadonlyMap<string, RootField> {
  const fields = new Map<string, RootField>();
  for (const model of schema.models.values()) {
    for (const [prefix, suffix, action] of ACTIONS) fields.set(prefix + model.name + suffix, { action, model });
  }
  for (const action of raw ? ['queryRaw', 'executeRaw'] : []) fields.set(action, { action, model: undefined });
  return fields;
}
