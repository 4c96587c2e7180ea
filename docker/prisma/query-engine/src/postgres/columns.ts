/** From PostgreSQL's text format to the values that the engine's driver adapter interface takes, by column type. */
import { parseArray } from './arrays.js';

/** The interface's column types, by its numbers. */
const Type = {
  Int32: 0,
  Int64: 1,
  Float: 2,
  Double: 3,
  Numeric: 4,
  Boolean: 5,
  Character: 6,
  Text: 7,
  Date: 8,
  Time: 9,
  DateTime: 10,
  Json: 11,
  Enum: 12,
  Bytes: 13,
  Uuid: 15,
} as const;
/** The number of an array's type by its element's; there is no array of type 14. */
function arrayOf(type: number): number {
  return type === Type.Uuid ? 78 : type + 64;
}

export type Value = string | number | boolean | null | Value[];

export interface Reader {
  readonly type: number;
  /** Throws UnreadableValue for what PostgreSQL has and the interface has not, such as `infinity`. */
  readonly read: (text: string) => Value;
}

/** A value that the interface has no place for; its column is answered as text. */
export class UnreadableValue extends Error {}

const asIs = (text: string): string => text;
const boolean = (text: string): boolean => text === 't';

/** Money comes with a currency sign and separators: `-$1,234.50`. */
function money(text: string): string {
  return text.replace(/[^\d.-]/g, '');
}

function withoutOffset(time: string): string {
  return time.replace(/[+-][\d:]+$/, '');
}

/** The engine reads a bare timestamp as UTC, and RFC 3339 with any offset; PostgreSQL's offset may lack the minutes. */
function timestampWithZone(text: string): string {
  if (!/^\d{4}-\d\d-\d\d [\d:.]+[+-][\d:]+$/.test(text)) throw new UnreadableValue();
  if (text.endsWith('+00')) return text.slice(0, -3);
  return text.replace(' ', 'T').replace(/[+-]\d\d$/, '$&:00');
}

function bytes(text: string): number[] {
  return [...Buffer.from(text.slice(2), 'hex')];
}

function finite(text: string): number {
  const number = Number(text);
  if (!Number.isFinite(number)) throw new UnreadableValue();
  return number;
}

function digits(text: string): string {
  if (!/^-?\d/.test(text)) throw new UnreadableValue();
  return text;
}

function character(text: string): string {
  if (text === '') throw new UnreadableValue();
  return text;
}

function date(text: string): string {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) throw new UnreadableValue();
  return text;
}

/** The engine knows the years from 1 to 9999 only. */
function timestamp(text: string): string {
  if (!/^\d{4}-\d\d-\d\d [\d:.]+$/.test(text)) throw new UnreadableValue();
  return text;
}

const SCALARS: ReadonlyArray<readonly [oid: number, arrayOid: number, type: number, read: (text: string) => Value]> = [
  [16, 1000, Type.Boolean, boolean],
  [17, 1001, Type.Bytes, bytes],
  [18, 1002, Type.Character, character],
  [19, 1003, Type.Text, asIs], // name
  [20, 1016, Type.Int64, asIs],
  [21, 1005, Type.Int32, Number],
  [23, 1007, Type.Int32, Number],
  [25, 1009, Type.Text, asIs],
  [26, 1028, Type.Int64, asIs], // oid
  [114, 199, Type.Json, asIs],
  [142, 143, Type.Text, asIs], // xml
  [650, 651, Type.Text, asIs], // cidr
  [700, 1021, Type.Float, finite],
  [701, 1022, Type.Double, finite],
  [790, 791, Type.Numeric, money],
  [869, 1041, Type.Text, asIs], // inet
  [1042, 1014, Type.Text, asIs], // character(n)
  [1043, 1015, Type.Text, asIs],
  [1082, 1182, Type.Date, date],
  [1083, 1183, Type.Time, asIs],
  [1114, 1115, Type.DateTime, timestamp],
  [1184, 1185, Type.DateTime, timestampWithZone],
  [1266, 1270, Type.Time, withoutOffset],
  [1560, 1561, Type.Text, asIs], // bit
  [1562, 1563, Type.Text, asIs], // bit varying
  [1700, 1231, Type.Numeric, digits],
  [2950, 2951, Type.Uuid, asIs],
  [3802, 3807, Type.Json, asIs],
];

export const READ_AS_TEXT: Reader = { type: Type.Text, read: asIs };
export const READ_AS_ENUM: Reader = { type: Type.Enum, read: asIs };

/** Reads arrays whose elements `element` reads. */
export function arrayReader(element: Reader): Reader {
  const flat = (text: string): Value => {
    // More than one dimension; or a type that counts as an array and is not written as one.
    if (!/^(?:\[[^=]*=)?\{(?!\{)/.test(text)) throw new UnreadableValue();
    return parseArray(text, element.read);
  };
  return { type: arrayOf(element.type), read: flat };
}

const READERS = new Map<number, Reader>();
/** Element types by array type, for what goes the other way. */
export const ELEMENTS = new Map<number, number>();
for (const [oid, arrayOid, type, read] of SCALARS) {
  READERS.set(oid, { type, read });
  READERS.set(arrayOid, arrayReader({ type, read }));
  ELEMENTS.set(arrayOid, oid);
}

/** How to read columns of the built-in type `oid`. */
export function knownReader(oid: number): Reader | undefined {
  return READERS.get(oid);
}
