/** Prints a line on standard output. Diagnostics go to standard error, where LiteLLM reads them. */
export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}
