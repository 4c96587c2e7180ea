/**
 * Where in a query's arguments a value stands. The engine's JSON protocol takes a string for a Json column as a JSON
 * string, where GraphQL means JSON text, so the translation must know which values belong to Json columns.
 */
import type { Model } from './schema.js';

export type Place =
  | { readonly at: 'plain' }
  | { readonly at: 'json' }
  | { readonly at: 'json elements' }
  | { readonly at: 'json filter' }
  | { readonly at: 'json list' }
  | { readonly at: 'json list filter' }
  | { readonly at: 'arguments'; readonly model: Model }
  | { readonly at: 'filter'; readonly model: Model }
  | { readonly at: 'relation filter'; readonly model: Model }
  | { readonly at: 'data'; readonly model: Model }
  | { readonly at: 'nested write'; readonly model: Model; readonly list: boolean }
  | { readonly at: 'to-one update'; readonly model: Model };

export const PLAIN: Place = { at: 'plain' };
const JSON_VALUE: Place = { at: 'json' };
const JSON_ELEMENTS: Place = { at: 'json elements' };

const JSON_FILTERS = new Set([
  'equals',
  'not',
  'array_contains',
  'array_starts_with',
  'array_ends_with',
  'lt',
  'lte',
  'gt',
  'gte',
]);
const JSON_LIST_FILTERS = new Set(['equals', 'hasEvery', 'hasSome']);
const RELATION_FILTERS = new Set(['is', 'isNot', 'some', 'every', 'none']);
const CONNECTIVES = new Set(['AND', 'OR', 'NOT']);

export type Models = ReadonlyMap<string, Model>;

/** The place of the value under `key` in an object at `place`; the elements of a list stand where the list stands. */
export function under(place: Place, key: string, models: Models): Place {
  switch (place.at) {
    case 'plain':
    case 'json':
    case 'json elements':
      return PLAIN;
    case 'json filter':
      return JSON_FILTERS.has(key) ? JSON_VALUE : PLAIN;
    case 'json list filter':
      if (key === 'has') return JSON_VALUE;
      return JSON_LIST_FILTERS.has(key) ? JSON_ELEMENTS : PLAIN;
    case 'json list':
      return key === 'set' || key === 'push' ? JSON_ELEMENTS : PLAIN;
    case 'arguments':
      return inArguments(place.model, key);
    case 'filter':
      return inFilter(place.model, key, models);
    case 'relation filter':
      return RELATION_FILTERS.has(key) && !place.model.fields.has(key)
        ? { at: 'filter', model: place.model }
        : inFilter(place.model, key, models);
    case 'data':
      return inData(place.model, key, models);
    case 'nested write':
      return inNestedWrite(place.model, place.list, key);
    case 'to-one update':
      return (key === 'where' || key === 'data') && !place.model.fields.has(key)
        ? inArguments(place.model, key)
        : inData(place.model, key, models);
  }
}

function inArguments(model: Model, key: string): Place {
  switch (key) {
    case 'where':
    case 'cursor':
    case 'having':
      return { at: 'filter', model };
    case 'data':
    case 'create':
    case 'update':
      return { at: 'data', model };
    default:
      return PLAIN;
  }
}

function inFilter(model: Model, key: string, models: Models): Place {
  if (CONNECTIVES.has(key)) return { at: 'filter', model };
  const field = model.fields.get(key);
  if (field === undefined) return PLAIN;
  if (field.kind === 'json') return { at: field.list ? 'json list filter' : 'json filter' };
  if (field.kind === 'scalar') return PLAIN;
  return { at: 'relation filter', model: models.get(field.type)! };
}

function inData(model: Model, key: string, models: Models): Place {
  const field = model.fields.get(key);
  if (field === undefined || field.kind === 'scalar') return PLAIN;
  if (field.kind === 'json') return { at: field.list ? 'json list' : 'json' };
  return { at: 'nested write', model: models.get(field.type)!, list: field.list };
}

function inNestedWrite(model: Model, list: boolean, key: string): Place {
  switch (key) {
    case 'create':
      return { at: 'data', model };
    case 'update':
      return list ? { at: 'arguments', model } : { at: 'to-one update', model };
    case 'createMany':
    case 'connectOrCreate':
    case 'updateMany':
    case 'upsert':
      return { at: 'arguments', model };
    default:
      return { at: 'filter', model };
  }
}
