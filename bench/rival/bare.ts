/**
 * The other side of the comparison: the statement that the engine runs, through the bare `pg` driver with a prepared
 * statement, behind the engine's own HTTP front. It takes the engine's requests and answers records in the same form.
 */
import pg from 'pg';

import { createHttpServer } from '../src/http/server.js';

interface BareClient {
  connect(): Promise<void>;
  query(statement: object): Promise<{ rows: object[] }>;
}

const { Client } = pg as unknown as { Client: new (options: object) => BareClient };
const [port, connections, statement] = process.argv.slice(2) as [string, string, string];
const idle: BareClient[] = [];
const waiting: Array<(client: BareClient) => void> = [];

async function read(body: string): Promise<string> {
  const { query } = JSON.parse(body) as { query: string };
  const token = /"([^"]+)"/.exec(query)![1];
  const client = idle.pop() ?? (await new Promise<BareClient>((give) => waiting.push(give)));
  try {
    const { rows } = await client.query({ name: 'read', text: statement, values: [token, 1, 0] });
    return JSON.stringify({ data: { result: rows[0] ?? null } });
  } finally {
    const next = waiting.shift();
    if (next === undefined) idle.push(client);
    else next(client);
  }
}

async function main(): Promise<void> {
  for (let count = 0; count < Number(connections); count += 1) {
    const client = new Client({ connectionString: process.env['DATABASE_URL'] });
    await client.connect();
    idle.push(client);
  }
  createHttpServer(async ({ body }) => ({ status: 200, type: 'application/json', body: await read(body) })).listen(
    Number(port),
    '127.0.0.1',
  );
}

void main();
