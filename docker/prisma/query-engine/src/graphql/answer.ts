/** Turns what the engine's JSON protocol answers into the plain values of GraphQL. */

/** The name under which the engine answers, and the one that was asked for. */
export interface Asked {
  readonly field: string;
  readonly alias: string;
}

const TAGGED = '{"$type":"';

/**
 * Unwraps tagged values: `{"$type":"DateTime","value":"…"}` becomes `"…"`. The search is exact: inside a JSON string
 * the quotes of the tag would be escaped.
 */
export function untagged(json: string): string {
  let start = json.indexOf(TAGGED);
  if (start < 0) return json;
  const parts: string[] = [];
  let done = 0;
  while (start >= 0) {
    const typeEnd = json.indexOf('"', start + TAGGED.length);
    const valueStart = typeEnd + '","value":'.length;
    const valueEnd = endOfString(json, valueStart);
    parts.push(json.slice(done, start), json.slice(valueStart, valueEnd));
    done = valueEnd + 1;
    start = json.indexOf(TAGGED, done);
  }
  parts.push(json.slice(done));
  return parts.join('');
}

/** The index after the string that begins at `start`. */
function endOfString(json: string, start: number): number {
  let end = json.indexOf('"', start + 1);
  for (;;) {
    let slashes = 0;
    while (json.charCodeAt(end - 1 - slashes) === 0x5c) slashes += 1;
    if (slashes % 2 === 0) return end + 1;
    end = json.indexOf('"', end + 1);
  }
}

/** An operation's answer under the name that was asked for; undefined where it is no data. */
export function singleAnswer(json: string, { field, alias }: Asked): string | undefined {
  const start = `{"data":{"${field}":`;
  if (!json.startsWith(start)) return undefined;
  const data = json.slice(start.length);
  // The cells of a raw query are plain already, and may hold anything.
  return `{"data":{"${alias}":${field === 'queryRaw' ? data : untagged(data)}`;
}

const RESULTS = '{"batchResult":[';

/** The same for the answer to a batch of operations. */
export function batchAnswer(json: string, operations: readonly Asked[]): string {
  if (!json.startsWith(RESULTS)) return json;
  const parts: string[] = [RESULTS];
  let position = RESULTS.length;
  for (const operation of operations) {
    const end = endOfObject(json, position);
    const part = json.slice(position, end);
    // After it comes the comma between two results, or what closes the list.
    parts.push(singleAnswer(part, operation) ?? part, json.charAt(end));
    position = end + 1;
  }
  return parts.join('') + json.slice(position);
}

/** The index after the object or list that begins at `start`. */
function endOfObject(json: string, start: number): number {
  let depth = 0;
  for (let position = start; ; position += 1) {
    switch (json[position]) {
      case '"':
        position = endOfString(json, position) - 1;
        break;
      case '{':
      case '[':
        depth += 1;
        break;
      case '}':
      case ']':
        depth -= 1;
        if (depth === 0) return position + 1;
    }
  }
}
