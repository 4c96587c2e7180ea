/** The query engine: reads its options, connects, listens. */
import { createServer } from 'node:http';
import { createAdapter, ForeignErrors } from './adapter.js';
import { parseUrl } from './database-url.js';
import { Translator } from './graphql.js';
import { readOptions } from './options.js';
import { Pool } from './pool.js';
import { BadRequest, Requests } from './requests.js';
import { rootFields } from './schema.js';
import { compileEngine, createEngine } from './wasm.js';

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), process.env);
  const url = parseUrl(options.url);
  const pool = new Pool(url, options.folder);
  const errors = new ForeignErrors();
  await compileEngine(import.meta.dirname);
  const engine = createEngine(options.schema.text, (line) => process.stderr.write(`${line}\n`), options.logQueries, createAdapter(pool, url.schema, errors));
  await engine.connect('{}');
  pool.release(await pool.acquire());
  const requests = new Requests(engine, new Translator(rootFields(options.schema), options.schema.models), errors);
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const path = request.url ?? '/';
      const reply = (status: number, text: string): void => {
        response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
        response.end(text);
      };
      const transaction = request.headers['x-transaction-id'] as string | undefined;
      const route = async (): Promise<string> => {
        if (path === '/status') return '{"status":"ok"}';
        if (path === '/transaction/start') return engine.startTransaction(body.includes('isolation_level') ? body : body, '{}');
        const commit = /^\/transaction\/([^/]+)\/(commit|rollback)$/.exec(path);
        if (commit !== null) {
          return commit[2] === 'commit' ? engine.commitTransaction(commit[1]!, '{}') : engine.rollbackTransaction(commit[1]!, '{}');
        }
        if (path.startsWith('/metrics')) return '{"counters":[],"gauges":[],"histograms":[]}';
        return requests.answer(body, transaction);
      };
      route().then(
        (text) => reply(200, text),
        (error: unknown) => reply(error instanceof BadRequest ? 400 : 500, String(error)),
      );
    });
  });
  server.keepAliveTimeout = 120_000;
  server.listen(options.port, options.host);
}

process.on('SIGINT', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
main().catch((error: unknown) => {
  process.stderr.write(`query-engine: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
