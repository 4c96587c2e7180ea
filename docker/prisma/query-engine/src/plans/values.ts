/**
 * How the engine answers a column's values, for the types and the values where that is beyond doubt: a function of the
 * text that PostgreSQL sends. What is not beyond doubt throws Doubt, and the engine reads the row itself.
 */
import type { Field } from '../graphql/schema.js';
import { parseArray } from '../postgres/arrays.js';

/** Not an error: the engine must answer. */
export class Doubt extends Error {}

export interface Writer {
  /** The column types for which it holds, by PostgreSQL's numbers. */
  readonly oids: readonly number[];
  /** From PostgreSQL's text to JSON. */
  readonly write: (text: string) => string;
  /** A value to show that the engine and `write` agree: what PostgreSQL would send. */
  readonly sample: string;
}

const TEXT = 25;
const VARCHAR = 1043;

const WRITERS: Readonly<Record<string, Writer>> = {
  String: { oids: [TEXT, VARCHAR], write: JSON.stringify, sample: 'a "quoted\\" line\nand \u00e9\u2028\u0001' },
  Int: { oids: [23], write: (text) => text, sample: '-2147483648' },
  BigInt: { oids: [20], write: (text) => `"${text}"`, sample: '9223372036854775807' },
  Boolean: { oids: [16], write: (text) => (text === 't' ? 'true' : 'false'), sample: 't' },
  Float: { oids: [701], write: float, sample: '0.30000000000000004' },
  DateTime: { oids: [1114, 1184], write: instant, sample: '2001-02-03 04:05:06.789999' },
  Json: { oids: [3802], write: json, sample: '{"a":[1.5,null,"x\\"y"]}' },
  'String[]': { oids: [1009, 1015], write: strings, sample: '{a,"b\\"c",""}' },
};

/** How values of `field` are written; undefined for types that are left to the engine. */
export function writerOf(field: Field): Writer | undefined {
  if (field.native !== undefined && !/^(?:Text|VarChar|Timestamp|Timestamptz|JsonB)$/.test(field.native))
    return undefined;
  return WRITERS[field.list ? `${field.type}[]` : field.type];
}

/**
 * The engine keeps 16 digits of a number. With 17 it must be rounded, which is beyond doubt unless the last is a 5, as
 * halves may be rounded either way. Exponents are left to the engine.
 */
function float(text: string): string {
  const found = /^-?(\d{1,15})(?:\.(\d+))?$/.exec(text);
  if (found === null) throw new Doubt();
  const [, whole, part] = found;
  if (part === undefined) return `${text}.0`;
  const digits = (whole! + part).replace(/^0+/, '').length;
  if (digits <= 16) return text;
  if (digits > 17 || text.endsWith('5')) throw new Doubt();
  const rounded = String(Number(Number(text).toExponential(15)));
  if (rounded.includes('e')) throw new Doubt();
  return rounded.includes('.') ? rounded : `${rounded}.0`;
}

/** In UTC with milliseconds, the rest cut off; years of four digits. */
function instant(text: string): string {
  const found = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(?:\+00)?$/.exec(text);
  if (found === null) throw new Doubt();
  const [, day, time, part] = found;
  return `"${day}T${time}.${(part ?? '').padEnd(3, '0').slice(0, 3)}Z"`;
}

/** The engine parses the text and writes it anew: the same JSON, if it is not too deep and its numbers are short. */
function json(text: string): string {
  if (/[\d.]{16}|\d[eE]/.test(text)) {
    const outside = text.replace(/"(?:[^"\\]|\\.)*"/g, '');
    if (/[\d.]{16}|\d[eE]/.test(outside)) throw new Doubt();
  }
  if (text.length > 100 && (text.match(/[[{]/g)?.length ?? 0) > 100) throw new Doubt();
  // PostgreSQL writes a blank after each colon and comma.
  return JSON.stringify(text.includes(' ') ? text.replace(/("(?:[^"\\]|\\.)*")|([:,]) /g, '$1$2') : text);
}

function strings(text: string): string {
  if (!/^\{(?!\{)/.test(text)) throw new Doubt();
  const elements = parseArray(text, (element) => element);
  if (elements.includes(null)) throw new Doubt();
  return JSON.stringify(elements);
}
