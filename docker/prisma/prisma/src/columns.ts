/** Types of columns: PostgreSQL's numbers, the engine's numbers, and how a value is read from text. */
import { Failure } from './failure.js';

/** The numbers by which the engine knows types; every type that is not named here reaches it as text. */
const BOOLEAN = 5;
const TEXT = 7;
const ENGINE: Record<number, number> = {
  16: BOOLEAN,
  18: 6, // "char"
  20: 1, // int8
  21: 0, // int2
  23: 0, // int4
  26: 1, // oid
  700: 2, // float4
  701: 3, // float8
  1082: 8, // date
  1083: 9, // time
  1114: 10, // timestamp
  1184: 10, // timestamptz
  1700: 4, // numeric
  1000: 69, // bool[]
  1002: 70, // "char"[]
  1003: 71, // name[]
  1005: 64, // int2[]
  1007: 64, // int4[]
  1009: 71, // text[]
  1015: 71, // varchar[]
  1016: 65, // int8[]
  1028: 65, // oid[]
};
const NUMBERS = new Set([21, 23, 26, 700, 701]);
const ARRAY_OF: Record<number, number> = {
  1000: 16,
  1002: 18,
  1003: 19,
  1005: 21,
  1007: 23,
  1009: 25,
  1015: 25,
  1016: 20,
  1028: 26,
};

export function columnType(type: number): number {
  return ENGINE[type] ?? TEXT;
}

/** The function that reads a value of `type` from PostgreSQL's text. */
export function reader(type: number): (text: string) => unknown {
  const element = ARRAY_OF[type];
  if (element !== undefined) return (text) => readArray(text, reader(element));
  if (NUMBERS.has(type)) return Number;
  if (type === 16) return (text) => text === 't';
  if (type === 1114) return (text) => `${text.replace(' ', 'T')}+00:00`;
  // The session may be in any time zone; the engine reads RFC 3339, which wants minutes in the offset.
  if (type === 1184) return (text) => text.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00');
  return (text) => text;
}

/** Reads a one-dimensional array: `{1,NULL,"a \"b\""}`. */
function readArray(text: string, read: (element: string) => unknown): unknown[] {
  if (!/^\{[^{]*\}$/.test(text.replace(/"(?:[^"\\]|\\.)*"/gs, ''))) {
    throw new Failure('The database answered with an array that is not a plain list; this command cannot read it.');
  }
  return [...text.slice(1, -1).matchAll(/"((?:[^"\\]|\\.)*)"|[^,]+/gs)].map(([whole, quoted]) =>
    quoted !== undefined ? read(quoted.replace(/\\(.)/gs, '$1')) : whole === 'NULL' ? null : read(whole),
  );
}
