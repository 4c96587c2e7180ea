/** Column types that the built-in table does not have: enums, their arrays, arrays of rarer types. Asked once each. */
import { arrayReader, knownReader, READ_AS_ENUM, READ_AS_TEXT, type Reader } from './columns.js';
import type { Connection } from './connection.js';

const LOOKUP =
  'SELECT t.oid::text, t.typtype::text, t.typelem::text, e.typtype::text FROM pg_catalog.pg_type t ' +
  "LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND t.typcategory = 'A' WHERE t.oid = ANY($1::oid[])";

export class ColumnTypes {
  private readonly found = new Map<number, Reader>();

  /** How to read columns of the type `oid`, if that is known already. */
  reader(oid: number): Reader | undefined {
    return knownReader(oid) ?? this.found.get(oid);
  }

  /** Learns the types `oids`; where the server cannot be asked now, they are read as text this time. */
  async learn(oids: readonly number[], connection: Connection): Promise<void> {
    let rows: ReadonlyArray<ReadonlyArray<string | null>>;
    try {
      rows = (await connection.run(LOOKUP, [oids])).rows;
    } catch {
      return;
    }
    for (const [oid, kind, element, elementKind] of rows) {
      this.found.set(Number(oid), readerFor(kind!, Number(element), elementKind ?? null));
    }
    for (const oid of oids) if (!this.found.has(oid)) this.found.set(oid, READ_AS_TEXT);
  }
}

function readerFor(kind: string, element: number, elementKind: string | null): Reader {
  if (kind === 'e') return READ_AS_ENUM;
  if (elementKind === null) return READ_AS_TEXT;
  return arrayReader(elementKind === 'e' ? READ_AS_ENUM : (knownReader(element) ?? READ_AS_TEXT));
}
