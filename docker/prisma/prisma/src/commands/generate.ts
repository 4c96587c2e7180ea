/** `prisma generate`: nothing is generated here, for the client of LiteLLM's schema is part of the image. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../failure.js';
import { print } from '../output.js';
import { readSchema, type Schema, shown } from '../schema.js';

/** The image's Python libraries, as seen from this command. */
const LIBRARIES = join(__dirname, '../../venv/lib');

export async function generate(options: { schema?: string }): Promise<void> {
  const schema = readSchema(options.schema);
  print(`Prisma schema loaded from ${shown(schema.path)}`);
  if (!isGenerated(schema)) throw new Failure(explainClient(schema));
  print(`\n${explainClient(schema)}`);
}

/** What is said where Prisma's own command would generate the client. */
export function explainClient(schema: Schema): string {
  if (isGenerated(schema)) return "The client of LiteLLM's schema is part of the image; there is nothing to generate.";
  return (
    `The client in this image was generated from LiteLLM's schema, and ${shown(schema.path)} is another one.\n` +
    'The image is read-only and holds no generator. For a client of your own, install prisma from PyPI and generate ' +
    'it in a build stage of your own image.'
  );
}

/** Whether the client in the image was generated from this schema, of which it keeps a reformatted copy. */
function isGenerated(schema: Schema): boolean {
  try {
    return readdirSync(LIBRARIES).some((python) => {
      const copy = join(LIBRARIES, python, 'site-packages/prisma/schema.prisma');
      return bare(readFileSync(copy, 'utf8')) === bare(schema.content);
    });
  } catch {
    return false;
  }
}

/** A schema without what formatting changes: comments move, white space grows. */
function bare(text: string): string {
  return text.replace(/\/\/.*$/gm, '').replace(/\s+/g, '');
}
