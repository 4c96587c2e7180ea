/** Standard output, line by line. Diagnostics go to standard error, as LiteLLM expects. */
export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** `1 migration`, `2 migrations`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
