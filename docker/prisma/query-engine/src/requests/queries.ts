/** From the body of a request to the engine and back: single operations and batches. */
import type { ForeignErrors } from '../engine/adapter.js';
import { EnginePanic, type Engine } from '../engine/engine.js';
import { KnownFault } from '../faults.js';
import { batchAnswer, singleAnswer } from '../graphql/answer.js';
import type { Translator } from '../graphql/translator.js';
import type { Metrics } from '../metrics.js';
import type { UniqueReads } from '../plans/reads.js';
import { isIdentifier, notFound } from './transactions.js';

/** The body is not what a client sends; the native engine answers 400 without a word. */
export class BadRequest extends Error {}

export class Requests {
  constructor(
    private readonly engine: Engine,
    private readonly translator: Translator,
    private readonly errors: ForeignErrors,
    private readonly metrics: Metrics,
    private readonly reads: UniqueReads | undefined,
  ) {}

  /** The answer to a request's body; throws BadRequest. */
  async answer(body: string, transaction: string | undefined): Promise<string> {
    const request = parseBody(body);
    if (transaction !== undefined && !isIdentifier(transaction)) return answerOf(notFound());
    const started = performance.now();
    this.metrics.active += 1;
    try {
      if ('batch' in request) return await this.batch(request, transaction);
      return await this.single(request.query, transaction);
    } catch (error) {
      return answerOf(error);
    } finally {
      this.metrics.active -= 1;
      this.metrics.queries += 'batch' in request ? request.batch.length : 1;
      this.metrics.queryTime.record(performance.now() - started);
    }
  }

  private async single(query: string, transaction: string | undefined): Promise<string> {
    if (transaction === undefined) {
      const read = await this.reads?.answer(query);
      if (read !== undefined) return read;
    }
    const operation = this.translator.translate(query);
    const answer = await this.engine.query(operation.json, transaction);
    return singleAnswer(answer, operation) ?? this.explained(answer);
  }

  private async batch(request: Batch, transaction: string | undefined): Promise<string> {
    const operations = request.batch.map(({ query }) => this.translator.translate(query));
    const isolation = JSON.stringify(request.isolationLevel ?? null);
    const together = request.transaction === true ? `,"transaction":{"isolationLevel":${isolation}}` : '';
    const body = `{"batch":[${operations.map(({ json }) => json).join(',')}]${together}}`;
    return batchAnswer(this.explained(await this.engine.query(body, transaction)), operations);
  }

  /** Puts errors of ours in the place of the numbers by which the engine knows them. */
  private explained(answer: string): string {
    if (!answer.includes(FOREIGN)) return answer;
    return JSON.stringify(this.explainAll(JSON.parse(answer) as Answer));
  }

  private explainAll(answer: Answer): Answer {
    return {
      ...answer,
      ...(answer.errors && { errors: answer.errors.map((error) => this.explainError(error)) }),
      ...(answer.batchResult && { batchResult: answer.batchResult.map((part) => this.explainAll(part)) }),
    };
  }

  private explainError(error: AnswerError): AnswerError {
    const facing = this.explainFacing(error.user_facing_error);
    return facing === error.user_facing_error
      ? error
      : { error: (facing as UserFacing).message, user_facing_error: facing };
  }

  /** The same for a user-facing error alone, or anything else that the engine answers. */
  explainFacing(answer: object): object {
    const { error_code: code, meta } = answer as UserFacing;
    return code === 'P2036' && meta?.id !== undefined ? userFacing(this.errors.take(meta.id)) : answer;
  }
}

/** What the code of an error that the adapter could not express looks like in an answer. */
const FOREIGN = '"P2036"';

interface UserFacing {
  readonly message: string;
  readonly error_code?: string;
  readonly meta?: { readonly id?: number };
}

interface AnswerError {
  readonly error: string;
  readonly user_facing_error: object;
}

interface Answer {
  readonly errors?: readonly AnswerError[];
  readonly batchResult?: readonly Answer[];
}

function userFacing(error: unknown): object {
  if (error instanceof KnownFault) return error.toJSON();
  return { is_panic: error instanceof EnginePanic, message: messageOf(error), backtrace: null };
}

function answerOf(error: unknown): string {
  return JSON.stringify({ errors: [{ error: messageOf(error), user_facing_error: userFacing(error) }] });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

interface Single {
  readonly query: string;
}

interface Batch {
  readonly batch: readonly Single[];
  readonly transaction?: boolean;
  readonly isolationLevel?: string | null;
}

function parseBody(body: string): Single | Batch {
  let request: unknown;
  try {
    request = JSON.parse(body);
  } catch {
    throw new BadRequest();
  }
  if (typeof request !== 'object' || request === null) throw new BadRequest();
  if ('batch' in request && Array.isArray(request.batch) && request.batch.every(isSingle)) return request as Batch;
  if (isSingle(request)) return request;
  throw new BadRequest();
}

function isSingle(value: unknown): value is Single {
  return typeof value === 'object' && value !== null && 'query' in value && typeof value.query === 'string';
}
