/** From the body of a request to the engine and back: single operations and batches. */
import { untagged } from './answer.js';
import type { ForeignErrors } from './adapter.js';
import { KnownFault } from './faults.js';
import { SyntaxFault, type Operation, type Translator } from './graphql.js';
import type { WasmEngine } from './wasm.js';

/** The body is not what a client sends; the native engine answers 400 without a word. */
export class BadRequest extends Error {}

const NO_TRACE = '{}';

export class Requests {
  constructor(
    private readonly engine: WasmEngine,
    private readonly translator: Translator,
    private readonly errors: ForeignErrors,
  ) {}

  /** The answer to a request's body; throws BadRequest. */
  async answer(body: string, transaction: string | undefined): Promise<string> {
    const request = parseBody(body);
    try {
      if ('batch' in request) return await this.batch(request, transaction);
      return await this.single(request.query, transaction);
    } catch (error) {
      if (error instanceof SyntaxFault) return answerOf(error.message, { is_panic: false, message: error.message, backtrace: null });
      throw error;
    }
  }

  private async single(query: string, transaction: string | undefined): Promise<string> {
    const operation = this.translator.translate(query);
    const answer = await this.engine.query(operation.json, NO_TRACE, transaction);
    return this.toGraphQL(answer, operation);
  }

  private async batch(request: Batch, transaction: string | undefined): Promise<string> {
    const operations = request.batch.map(({ query }) => this.translator.translate(query));
    const inTransaction = request.transaction === true ? `,"transaction":{"isolationLevel":${isolation(request)}}` : '';
    const body = `{"batch":[${operations.map(({ json }) => json).join(',')}]${inTransaction}}`;
    const answer = await this.engine.query(body, NO_TRACE, transaction);
    if (answer.startsWith('{"errors"')) return this.withForeignErrors(answer);
    return untagged(answer);
  }

  private toGraphQL(answer: string, operation: Operation): string {
    const start = `{"data":{"${operation.field}":`;
    if (!answer.startsWith(start)) return this.withForeignErrors(answer);
    const data = answer.slice(start.length);
    return `{"data":{"${operation.alias}":${operation.field === 'queryRaw' ? data : untagged(data)}`;
  }

  /** Puts errors of ours in the place of the numbers by which the engine knows them. */
  private withForeignErrors(answer: string): string {
    if (!answer.includes('"P2036"')) return answer;
    const parsed = JSON.parse(answer) as { errors?: Array<{ user_facing_error: { error_code?: string; meta?: { id?: number } } }> };
    for (const error of parsed.errors ?? []) {
      const { error_code: code, meta } = error.user_facing_error;
      if (code !== 'P2036' || meta?.id === undefined) continue;
      const cause = this.errors.take(meta.id);
      const message = cause instanceof Error ? cause.message : String(cause);
      const facing = cause instanceof KnownFault ? cause : { is_panic: false, message, backtrace: null };
      Object.assign(error, { error: message, user_facing_error: facing });
    }
    return JSON.stringify(parsed);
  }
}

function answerOf(error: string, userFacing: object): string {
  return JSON.stringify({ errors: [{ error, user_facing_error: userFacing }] });
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

function isolation(request: Batch): string {
  return JSON.stringify(request.isolationLevel ?? null);
}
