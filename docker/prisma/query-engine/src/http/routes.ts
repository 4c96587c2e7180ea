/** The paths that prisma-client-py asks for. */
import type { Labels, Metrics } from '../metrics.js';
import type { Pool } from '../postgres/pool.js';
import { BadRequest, type Requests } from '../requests/queries.js';
import type { Transactions } from '../requests/transactions.js';
import type { Handler, Reply, Request } from './server.js';

const TRANSACTION = /^\/transaction\/([^/]+)\/(commit|rollback)$/;

export function createRoutes(
  requests: Requests,
  transactions: Transactions,
  metrics: Metrics | undefined,
  pool: Pool,
): Handler {
  const posts = (request: Request): Promise<Reply> | Reply => {
    if (request.path === '/') return query(requests, request);
    if (request.path === '/transaction/start') return transactions.start(request.body);
    const found = TRANSACTION.exec(request.path);
    return found === null ? NOT_FOUND : transactions.finish(found[1]!, found[2] as 'commit' | 'rollback');
  };
  const gets = (request: Request): Reply => {
    const [path, parameters] = request.path.split('?', 2);
    if (path === '/status') return json('{"status":"ok"}');
    if (path === '/metrics' && metrics !== undefined) return figures(metrics, pool, parameters, request.body);
    return NOT_FOUND;
  };
  return (request) => {
    switch (request.method) {
      case 'POST':
        return posts(request);
      case 'GET':
        return gets(request);
      default:
        return NOT_FOUND;
    }
  };
}

const NOT_FOUND: Reply = { status: 404, type: 'text/plain', body: '' };

async function query(requests: Requests, request: Request): Promise<Reply> {
  try {
    return json(await requests.answer(request.body, request.header('x-transaction-id')));
  } catch (error) {
    if (error instanceof BadRequest) return { status: 400, type: 'text/plain', body: '' };
    throw error;
  }
}

/** Prometheus' format unless `format=json`; a body of JSON holds labels for every figure. */
function figures(metrics: Metrics, pool: Pool, parameters: string | undefined, body: string): Reply {
  let labels: Labels = {};
  if (body !== '') {
    try {
      labels = JSON.parse(body) as Labels;
    } catch {
      return { status: 400, type: 'text/plain', body: 'the labels are not JSON' };
    }
  }
  if (new URLSearchParams(parameters).get('format') === 'json') return json(metrics.json(pool.figures, labels));
  return { status: 200, type: 'text/plain; version=0.0.4', body: metrics.prometheus(pool.figures, labels) };
}

function json(body: string): Reply {
  return { status: 200, type: 'application/json', body };
}
