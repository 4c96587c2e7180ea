/** From the engine's arguments to the text that PostgreSQL parses as the type it expects. */
import { wrongParameterCount } from '../faults.js';
import { writeArray } from './arrays.js';
import { ELEMENTS } from './columns.js';
import type { Argument } from './statement.js';

const BYTEA = 17;
const TIMESTAMPTZ = 1184;
const TIMETZ = 1266;

/** The engine writes instants in UTC without saying so; the server would take them for the session's time zone. */
const BARE_INSTANT = /^(?:[+-]?\d{4,}-\d\d-\d\d )?\d\d:\d\d:\d\d(?:\.\d+)?$/;

/** `types` are the server's; throws KnownFault when there are more or fewer arguments. */
export function bindArguments(values: readonly unknown[], types: readonly number[]): Argument[] {
  if (values.length !== types.length) throw wrongParameterCount(types.length, values.length);
  return values.map((value, index) => argument(value, types[index]!));
}

function argument(value: unknown, type: number): Argument {
  if (value === null || value === undefined) return null;
  if (value instanceof Uint8Array) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    return type === BYTEA ? bytes : `\\x${bytes.toString('hex')}`;
  }
  if (Array.isArray(value)) return writeArray(elements(value, ELEMENTS.get(type) ?? 0));
  return text(value, type);
}

function elements(values: readonly unknown[], type: number): unknown[] {
  return values.map((value) => {
    if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString('hex')}`;
    if (Array.isArray(value)) return elements(value, type);
    return value === null ? null : text(value, type);
  });
}

function text(value: unknown, type: number): string {
  if (typeof value === 'string') {
    return (type === TIMESTAMPTZ || type === TIMETZ) && BARE_INSTANT.test(value) ? `${value}+00` : value;
  }
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
