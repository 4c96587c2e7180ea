/** Interactive transactions over HTTP: starting and ending them, and which identifiers the engine may be asked for. */
import type { PoolAdapter } from '../engine/adapter.js';
import type { Engine } from '../engine/engine.js';
import { KnownFault } from '../faults.js';
import type { Reply } from '../http/server.js';
import type { Pool } from '../postgres/pool.js';

const ISOLATION_LEVELS = new Set(['ReadUncommitted', 'ReadCommitted', 'RepeatableRead', 'Serializable']);
/** In milliseconds; the engine's timers are 32 bits wide. */
const FOR_EVER = 2 ** 31 - 1;
/** The engine panics over identifiers that do not look like its own. */
const IDENTIFIER = /^[\w-]{24,64}$/;

export class Transactions {
  constructor(
    private readonly engine: Engine,
    private readonly pool: Pool,
    private readonly adapter: PoolAdapter,
    private readonly explain: (answer: object) => object,
  ) {}

  /**
   * Answers `POST /transaction/start`. The connection is acquired here: the engine, once it has stopped waiting for
   * one, would not give back the one that comes late.
   */
  async start(body: string): Promise<Reply> {
    const options = startOptions(body);
    if (options === undefined) return reply(400, '');
    if (options.isolation !== null && !ISOLATION_LEVELS.has(options.isolation))
      return replyFor(noSuchLevel(options.isolation));
    try {
      const connection = await this.pool.acquire(Math.max(1, options.maxWait), tooLate());
      this.adapter.reserve(this.adapter.transaction(connection));
    } catch (error) {
      if (error instanceof KnownFault) return replyFor(error.toJSON());
      throw error;
    }
    const forEngine = { max_wait: FOR_EVER, timeout: options.timeout, isolation_level: options.isolation };
    return this.parsed(await this.engine.startTransaction(JSON.stringify(forEngine)));
  }

  /** Answers `POST /transaction/ID/commit` and `/rollback`. */
  async finish(id: string, how: 'commit' | 'rollback'): Promise<Reply> {
    if (!isIdentifier(id)) return replyFor(notFound().toJSON());
    return this.parsed(
      await (how === 'commit' ? this.engine.commitTransaction(id) : this.engine.rollbackTransaction(id)),
    );
  }

  private parsed(answer: string): Reply {
    return replyFor(this.explain(JSON.parse(answer) as object));
  }
}

export function isIdentifier(id: string): boolean {
  return IDENTIFIER.test(id);
}

const NOT_FOUND =
  "Transaction not found. Transaction ID is invalid, refers to an old closed transaction Prisma doesn't have " +
  'information about anymore, or was obtained before disconnecting.';

export function notFound(): KnownFault {
  return new KnownFault('P2028', `Transaction API error: ${NOT_FOUND}`, { error: NOT_FOUND });
}

function tooLate(): KnownFault {
  const error = 'Unable to start a transaction in the given time.';
  return new KnownFault('P2028', `Transaction API error: ${error}`, { error });
}

function noSuchLevel(name: string): object {
  const message = `Conversion failed: Invalid isolation level \`${name}\``;
  return new KnownFault('P2023', `Inconsistent column data: ${message}`, { message }).toJSON();
}

interface StartOptions {
  readonly maxWait: number;
  readonly timeout: number;
  readonly isolation: string | null;
}

/** Undefined where the body is no JSON with the two durations in milliseconds. */
function startOptions(body: string): StartOptions | undefined {
  try {
    const { max_wait, timeout, isolation_level } = JSON.parse(body) as Record<string, unknown>;
    if (!isDuration(max_wait) || !isDuration(timeout)) return undefined;
    return { maxWait: max_wait, timeout, isolation: typeof isolation_level === 'string' ? isolation_level : null };
  } catch {
    return undefined;
  }
}

function isDuration(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

interface UserFacing {
  readonly is_panic: boolean;
  readonly message: string;
  readonly meta?: { readonly error?: string };
}

/**
 * An error as the answer to a query has it, with status 200: only there does the client look for Prisma's codes. (The
 * native engine answers 504, 404, 422 or 500 with the bare error, from which the client makes one without a code.)
 */
function replyFor(answer: object | UserFacing): Reply {
  if (!('is_panic' in answer)) return reply(200, JSON.stringify(answer));
  const { message, meta } = answer as UserFacing;
  return reply(200, JSON.stringify({ errors: [{ error: meta?.error ?? message, user_facing_error: answer }] }));
}

function reply(status: number, body: string): Reply {
  return { status, type: 'application/json', body };
}
