/** The shape of a unique read: its text without the strings in it. Texts of one shape differ in those strings only. */

export interface Shape {
  readonly key: string;
  /** The strings, as JSON, in order. */
  readonly literals: readonly string[];
}

/** `query { ALIAS: findUnique… (ARGUMENTS) { NAMES }`: all values are strings, nothing is selected from relations. */
const UNIQUE_READ = /^query\s*\{\s*\w+\s*:\s*findUnique\w+\s*\((?:[\s\w,{}]|:\s*[{"])*\)\s*\{[\s\w,]*\}\s*\}\s*$/;

/** The shape of `text`, undefined for all that is no plain unique read. */
export function shapeOf(text: string): Shape | undefined {
  if (!text.includes('findUnique')) return undefined;
  const literals: string[] = [];
  let key = '';
  let done = 0;
  for (let start = text.indexOf('"'); start >= 0; start = text.indexOf('"', done)) {
    const end = endOfLiteral(text, start);
    if (end < 0) return undefined;
    literals.push(text.slice(start, end));
    key += text.slice(done, start + 1);
    done = end;
  }
  key += text.slice(done);
  return { key, literals };
}

/** Whether a shape may have a plan at all. */
export function isUniqueRead(key: string): boolean {
  return UNIQUE_READ.test(key);
}

/** The text of the shape `key` with `literals` in their places. */
export function textOf(key: string, literals: readonly string[]): string {
  const parts = key.split('"');
  return parts.map((part, index) => (index === 0 ? part : literals[index - 1]! + part)).join('');
}

function endOfLiteral(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === 0x5c) slashes += 1;
    if (slashes % 2 === 0) return end + 1;
  }
  return -1;
}
