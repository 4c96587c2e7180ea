/** The query engine's process: options, connection, engine, listener, end. */
import { existsSync } from 'node:fs';
import type { Server } from 'node:net';

import { ForeignErrors, PoolAdapter } from './engine/adapter.js';
import { Engine, EnginePanic } from './engine/engine.js';
import { EngineCode } from './engine/wasm.js';
import { KnownFault } from './faults.js';
import { rootFields } from './graphql/schema.js';
import { Translator } from './graphql/translator.js';
import { createRoutes } from './http/routes.js';
import { createHttpServer } from './http/server.js';
import { endOnSignal, watchWorker } from './lifecycle.js';
import { Metrics } from './metrics.js';
import { readOptions, UsageFault, type Options } from './options.js';
import { Planner } from './plans/planner.js';
import { UniqueReads } from './plans/reads.js';
import { parseUrl, UrlFault, type DatabaseUrl } from './postgres/database-url.js';
import type { Connection } from './postgres/connection.js';
import { Pool } from './postgres/pool.js';
import { Requests } from './requests/queries.js';
import { Transactions } from './requests/transactions.js';

/**
 * How long prisma-client-py waits for its engine, in milliseconds, also for one that has ended (engine/_query.py, spawn):
 * in that time LiteLLM starts no other, so that a database that comes back just then would be away that much longer.
 */
const PATIENCE = 10_000;
const PAUSE = 250;

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), process.env);
  // The URL says everything; pg would take what it leaves open from these.
  for (const name of Object.keys(process.env)) if (name.startsWith('PG')) delete process.env[name];
  const url = databaseUrl(options);
  const metrics = new Metrics();
  const pool = new Pool(url, options.folder, metrics.waitTime);
  const worker = Number(process.env['SLIPWAY_ENGINE_WORKER'] ?? process.ppid);
  watchWorker(worker, () => process.exit(0));

  // The database answers while the engine compiles.
  const first = connect(pool);
  first.catch(() => undefined);
  const code = await EngineCode.load(__dirname);
  const errors = new ForeignErrors();
  const adapter = new PoolAdapter(pool, url.schema, errors, metrics);
  const translator = new Translator(rootFields(options.schema, options.rawQueries), options.schema.models);
  const log = options.logQueries ? print : undefined;
  const engine: Engine = new Engine(
    () => code.instantiate(options.schema.text, adapter, log),
    (instance) => planner.open(instance),
    () => adapter.open === 0 && !planner.busy,
  );
  const planner = new Planner(engine, translator, (transaction) => adapter.stage(transaction));
  process.on('uncaughtException', (error) => fatal(error, engine));
  await engine.start();
  pool.release(await first);

  // Whoever wants to see the statements wants to see all of them, and only those that are run.
  const reads = options.logQueries ? undefined : new UniqueReads(planner, pool, metrics);
  const requests = new Requests(engine, translator, errors, metrics, reads);
  const transactions = new Transactions(engine, pool, adapter, (answer) => requests.explainFacing(answer));
  const routes = createRoutes(requests, transactions, options.metrics ? metrics : undefined, pool);
  let asked = 0;
  const server = createHttpServer(async (request) => {
    asked += 1;
    try {
      return await routes(request);
    } finally {
      asked -= 1;
    }
  });
  endOnSignal(
    () => pool.end(),
    () => asked > 0,
  );
  // A worker that reads no errors any more is none.
  process.stderr.on('error', () => undefined);
  await listen(server, options);
}

/**
 * The first connection; a database that cannot be reached is tried again for as long as the client waits, as is one
 * that slipway prepares: the file that it names is there until then (entrypoint/slipway/runtime/database.py).
 */
async function connect(pool: Pool): Promise<Connection> {
  const deadline = performance.now() + PATIENCE;
  const pending = process.env['SLIPWAY_DATABASE_PENDING'];
  for (let told = false; ; told = true) {
    try {
      if (pending !== undefined && existsSync(pending))
        throw new KnownFault('P1001', 'The database is away or being prepared.');
      return await pool.acquire();
    } catch (error) {
      const unreachable = error instanceof KnownFault && error.code === 'P1001';
      if (!unreachable || performance.now() > deadline) throw error;
      if (!told) print(`query-engine: ${JSON.stringify(error)}`);
      await new Promise((go) => setTimeout(go, PAUSE));
    }
  }
}

function databaseUrl(options: Options): DatabaseUrl {
  try {
    return parseUrl(options.url);
  } catch (error) {
    if (error instanceof UrlFault)
      throw new KnownFault('P1013', `The provided database string is invalid. ${error.message}`);
    throw error;
  }
}

function listen(server: Server, { host, port }: Options): Promise<void> {
  return new Promise((listening, fail) => {
    server.once('error', fail);
    server.listen(port, host, listening);
  });
}

function print(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Ends the process; a trap of the engine is answered first. */
function fatal(error: unknown, engine: Engine): void {
  process.stderr.write(`query-engine: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  engine.panic();
  // The answers are written in the callbacks that follow.
  setTimeout(() => process.exit(101), 50);
}

main().catch((error: unknown) => {
  const said = error instanceof KnownFault ? JSON.stringify(error) : undefined;
  const expected = error instanceof UsageFault || error instanceof EnginePanic;
  const text = error instanceof Error ? (expected ? error.message : (error.stack ?? error.message)) : String(error);
  process.stderr.write(`query-engine: ${said ?? text}\n`);
  process.exit(1);
});
