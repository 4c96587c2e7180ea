/** What ends a command with exit code 1, and how it reads on standard error. */
export class Failure extends Error {
  /**
   * `code` is one of Prisma's, where there is one. Prisma prints it on the line of the message after a check of the
   * connection (`inline`), and on a line of its own otherwise.
   */
  constructor(
    message: string,
    readonly code?: string,
    private readonly inline = false,
  ) {
    super(message);
  }

  /** The same failure, as a check of the connection reports it. */
  onOneLine(): Failure {
    return new Failure(this.message, this.code, true);
  }

  /** The text for standard error. */
  get text(): string {
    if (this.code === undefined) return `Error: ${this.message}`;
    return this.inline ? `Error: ${this.code}: ${this.message}` : `Error: ${this.code}\n\n${this.message}\n`;
  }
}

/** Arguments that the command does not take. */
export class WrongUsage extends Failure {
  override get text(): string {
    return `\n! ${this.message}\n`;
  }
}
