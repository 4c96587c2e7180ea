/** The end of the process: with its worker, or when somebody asks. */

/** How often it is looked whether the worker is still there, in milliseconds. */
const WORKER_INTERVAL = 500;
/** How long requests may go on after a signal: LiteLLM kills after 500 ms. */
const GRACE = 350;

/** Calls `ended` once `worker` is not the parent any more: whoever has adopted the engine has no use for it. */
export function watchWorker(worker: number, ended: () => void): void {
  const timer = setInterval(() => {
    if (process.ppid === worker) return;
    clearInterval(timer);
    ended();
  }, WORKER_INTERVAL);
}

/** On SIGINT or SIGTERM ends the process with 0: once nothing is `busy` and `stop` is done, in any case after GRACE. */
export function endOnSignal(stop: () => Promise<void>, busy: () => boolean): void {
  let ending = false;
  const end = (): void => {
    if (ending) return;
    ending = true;
    setTimeout(() => process.exit(0), GRACE);
    const leave = (): void => {
      if (busy()) setTimeout(leave, 10);
      else void stop().finally(() => process.exit(0));
    };
    leave();
  };
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
}
