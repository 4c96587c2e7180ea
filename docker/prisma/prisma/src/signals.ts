/** Ctrl-C and SIGTERM: the running statement is cancelled, so that the server does not go on alone. */
import { constants } from 'node:os';
import type { Ledger } from './ledger.js';
import type { Session } from './session.js';

/** Milliseconds for the server to take a request to cancel. */
const CANCEL_LIMIT = 2000;

/** Ends the process with 128 + signal; a migration that cannot be undone half-way is finished first. */
export function endOnSignal(session: Session, ledger?: Ledger): void {
  let asked = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      const code = 128 + constants.signals[signal];
      if (asked) process.exit(code);
      asked = true;
      process.exitCode = code;
      if (ledger !== undefined) {
        ledger.stopping = true;
        if (ledger.unsafe !== undefined) {
          const what = `Stopping after migration ${ledger.unsafe}, which cannot be undone half-way.`;
          process.stderr.write(`${what} A second signal abandons it.\n`);
          return;
        }
      }
      setTimeout(() => process.exit(code), CANCEL_LIMIT);
      session.cancel().then(
        () => process.exit(code),
        () => process.exit(code),
      );
    });
  }
}
