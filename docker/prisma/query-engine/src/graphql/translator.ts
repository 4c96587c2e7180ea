/**
 * Translates a GraphQL operation, as prisma-client-py writes it, into the engine's JSON protocol: one pass from text to
 * text, so that numbers keep all their digits.
 */
import { KnownFault } from '../faults.js';
import { isEngineJson } from './json-text.js';
import { PLAIN, under, type Models, type Place } from './places.js';
import type { Model, RootField } from './schema.js';

/** A translated operation. */
export interface Operation {
  readonly json: string;
  /** The name under which the engine answers, and the one that was asked for. */
  readonly field: string;
  readonly alias: string;
  readonly model: Model | undefined;
  /** The names that are selected of the model itself. */
  readonly selected: readonly string[];
}

/** The text is no GraphQL that the native engine would take. */
export class SyntaxFault extends Error {}

export class Translator {
  constructor(
    private readonly roots: ReadonlyMap<string, RootField>,
    private readonly models: Models,
  ) {}

  /** Throws SyntaxFault, and KnownFault for null in the place of JSON text. */
  translate(text: string): Operation {
    return new Pass(text, this.roots, this.models).operation();
  }
}

const SPACE = /[\s,\uFEFF]*(?:#[^\n]*[\s,\uFEFF]*)*/y;
const NAME = /[_A-Za-z]\w*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const STRING = /"(?:[^"\\\n\r]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*"/y;
/** The engine's own parser gives up a little deeper. */
const DEEPEST = 100;

class Pass {
  private position = 0;
  private depth = 0;
  /** The keys that lead to the value being read, and the fields that lead to the selection. */
  private readonly path: string[] = [];
  private readonly fields: string[] = [];
  private selected: readonly string[] = [];

  constructor(
    private readonly text: string,
    private readonly roots: ReadonlyMap<string, RootField>,
    private readonly models: Models,
  ) {}

  operation(): Operation {
    if (this.peek() !== '{') {
      const word = this.name();
      if (word !== 'query' && word !== 'mutation') throw this.fault(`"query" or "mutation", not "${word}"`);
      if (this.peek() !== '{') this.name();
    }
    this.expect('{');
    let operation = this.rootField();
    // As in the native engine, the last of several fields counts.
    while (this.peek() !== '}') operation = this.rootField();
    this.expect('}');
    if (this.peek() !== '') throw this.fault('the end');
    return operation;
  }

  private rootField(): Operation {
    const alias = this.name();
    const field = this.take(':') ? this.name() : alias;
    const root = this.roots.get(field) ?? { action: field, model: undefined };
    const place: Place = root.model === undefined ? PLAIN : { at: 'arguments', model: root.model };
    const query = this.field(field, place, root.model?.name);
    const model = root.model === undefined ? '' : `"modelName":"${root.model.name}",`;
    const json = `{${model}"action":"${root.action}","query":${query}}`;
    return { json, field, alias, model: root.model, selected: this.selected };
  }

  /** What follows a field's name: arguments and selection. */
  private field(name: string, place: Place, model: string | undefined): string {
    this.fields.push(name);
    const argumentsText = this.peek() === '(' ? this.members(')', place) : '{}';
    const selection = this.peek() === '{' ? this.selection(model) : '{}';
    this.fields.pop();
    return `{"arguments":${argumentsText},"selection":${selection}}`;
  }

  private selection(model: string | undefined): string {
    this.enter();
    this.expect('{');
    const fields: string[] = [];
    const names: string[] = [];
    while (this.peek() !== '}') {
      let name = this.name();
      if (this.take(':')) name = this.name();
      names.push(name);
      const next = this.peek();
      if (next === '(' || next === '{') {
        const related = model === undefined ? undefined : this.models.get(model)?.fields.get(name);
        const target = related?.kind === 'relation' ? this.models.get(related.type) : undefined;
        const place: Place = target === undefined ? PLAIN : { at: 'arguments', model: target };
        fields.push(`"${name}":${this.field(name, place, target?.name)}`);
      } else {
        fields.push(`"${name}":true`);
      }
    }
    this.expect('}');
    this.depth -= 1;
    // The outermost selection ends last.
    this.selected = names;
    return `{${fields.join(',')}}`;
  }

  /** An object, or an argument list, which differs in its brackets only. */
  private members(close: '}' | ')', place: Place): string {
    this.enter();
    this.position += 1;
    const members: string[] = [];
    while (this.peek() !== close) {
      const key = this.name();
      this.expect(':');
      this.path.push(key);
      members.push(`"${key}":${this.value(under(place, key, this.models))}`);
      this.path.pop();
    }
    this.position += 1;
    this.depth -= 1;
    return `{${members.join(',')}}`;
  }

  private value(place: Place): string {
    return place.at === 'json' ? this.json() : this.anyValue(place);
  }

  private anyValue(place: Place): string {
    switch (this.peek()) {
      case '{':
        return this.members('}', place);
      case '[':
        return this.list(place.at === 'json elements' || place.at === 'json list' ? { at: 'json' } : place);
      case '"':
        if (place.at === 'json filter' || place.at === 'json elements') return this.json();
        return this.match(STRING, 'a string');
      case '-':
      case '0':
      case '1':
      case '2':
      case '3':
      case '4':
      case '5':
      case '6':
      case '7':
      case '8':
      case '9':
        return this.match(NUMBER, 'a number');
      default: {
        const word = this.name();
        return word === 'true' || word === 'false' || word === 'null' ? word : `"${word}"`;
      }
    }
  }

  private list(place: Place): string {
    this.enter();
    this.position += 1;
    const values: string[] = [];
    while (this.peek() !== ']') values.push(this.value(place));
    this.position += 1;
    this.depth -= 1;
    return `[${values.join(',')}]`;
  }

  /**
   * JSON text in a string. The engine's JSON protocol would take any other value as JSON too, where GraphQL refuses it;
   * as an enum value it is refused, with the place in the message.
   */
  private json(): string {
    const quoted = this.peek() === '"';
    const value = this.anyValue(PLAIN);
    if (value === 'null') throw this.missing();
    if (quoted && isEngineJson(JSON.parse(value) as string)) return `{"$type":"Json","value":${value}}`;
    return `{"$type":"Enum","value":${value.startsWith('"') ? value : JSON.stringify(value)}}`;
  }

  private missing(): KnownFault {
    const message = `\`${[...this.fields, ...this.path].join('.')}\`: A value is required but not set`;
    const meta = { kind: 'RequiredArgumentMissing', selectionPath: [...this.fields], argumentPath: [...this.path] };
    return new KnownFault('P2012', message, meta);
  }

  /** The next character that means something, "" at the end. */
  private peek(): string {
    SPACE.lastIndex = this.position;
    SPACE.exec(this.text);
    this.position = SPACE.lastIndex;
    return this.text.charAt(this.position);
  }

  private take(character: string): boolean {
    if (this.peek() !== character) return false;
    this.position += 1;
    return true;
  }

  private expect(character: string): void {
    if (!this.take(character)) throw this.fault(`"${character}"`);
  }

  private name(): string {
    this.peek();
    return this.match(NAME, 'a name');
  }

  private match(pattern: RegExp, what: string): string {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.text);
    if (found === null) throw this.fault(what);
    this.position = pattern.lastIndex;
    return found[0];
  }

  private enter(): void {
    this.depth += 1;
    if (this.depth > DEEPEST) throw new SyntaxFault(`Error parsing GraphQL query: nested deeper than ${DEEPEST}`);
  }

  private fault(expected: string): SyntaxFault {
    const before = this.text.slice(0, this.position).split('\n');
    const where = `${before.length}:${before.at(-1)!.length + 1}`;
    return new SyntaxFault(`Error parsing GraphQL query: query parse error: at ${where}: expected ${expected}`);
  }
}
