/** Turns what the engine's JSON protocol answers into the plain values of GraphQL. */

const TAGGED = '{"$type":"';

/**
 * Unwraps tagged values: `{"$type":"DateTime","value":"…"}` becomes `"…"`, a BigInt becomes a number with all its digits.
 * The search is exact: inside a JSON string the quotes of the tag would be escaped.
 */
export function untagged(json: string): string {
  let start = json.indexOf(TAGGED);
  if (start < 0) return json;
  const parts: string[] = [];
  let done = 0;
  while (start >= 0) {
    const typeEnd = json.indexOf('"', start + TAGGED.length);
    const type = json.slice(start + TAGGED.length, typeEnd);
    const valueStart = typeEnd + '","value":'.length;
    const valueEnd = endOfString(json, valueStart);
    parts.push(json.slice(done, start));
    parts.push(type === 'BigInt' ? json.slice(valueStart + 1, valueEnd - 1) : json.slice(valueStart, valueEnd));
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
