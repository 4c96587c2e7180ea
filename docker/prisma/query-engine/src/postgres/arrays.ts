/** PostgreSQL's text format of arrays: `{1,NULL,"a \"b\""}`, nested for more dimensions, perhaps after bounds. */

/** Parses `text`, passing each element that is not NULL through `read`. */
export function parseArray<T>(text: string, read: (element: string) => T): Array<T | null | Array<T | null>> {
  return new ArrayParser(text, read).parse() as Array<T | null>;
}

class ArrayParser<T> {
  private position: number;

  constructor(
    private readonly text: string,
    private readonly read: (element: string) => T,
  ) {
    // `[0:2]={…}` names bounds, which nobody asks for.
    this.position = text.startsWith('[') ? text.indexOf('=') + 1 : 0;
  }

  parse(): unknown[] {
    const elements: unknown[] = [];
    this.position += 1;
    while (this.position < this.text.length) {
      const character = this.text[this.position]!;
      if (character === '}') {
        this.position += 1;
        break;
      }
      if (character === ',') this.position += 1;
      else if (character === '{') elements.push(this.parse());
      else if (character === '"') elements.push(this.read(this.quoted()));
      else elements.push(this.bare());
    }
    return elements;
  }

  private quoted(): string {
    let start = this.position + 1;
    let value = '';
    for (let end = start; ; end += 1) {
      const character = this.text[end];
      if (character === '\\') {
        value += this.text.slice(start, end);
        end += 1;
        start = end;
      } else if (character === '"' || character === undefined) {
        this.position = end + 1;
        return value + this.text.slice(start, end);
      }
    }
  }

  private bare(): T | null {
    const start = this.position;
    while (this.position < this.text.length && !',}'.includes(this.text[this.position]!)) this.position += 1;
    const element = this.text.slice(start, this.position);
    return element === 'NULL' ? null : this.read(element);
  }
}

/** Writes elements that are text already, or null, or arrays of them. */
export function writeArray(elements: ReadonlyArray<unknown>): string {
  const parts = elements.map((element) => {
    if (element === null) return 'NULL';
    if (Array.isArray(element)) return writeArray(element);
    return `"${(element as string).replace(/["\\]/g, '\\$&')}"`;
  });
  return `{${parts.join(',')}}`;
}
