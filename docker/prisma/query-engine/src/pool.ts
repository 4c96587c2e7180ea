/** A bounded pool of connections with Prisma's parameters. */
import { Connection } from './connection.js';
import type { DatabaseUrl } from './database-url.js';
import { poolTimeout } from './faults.js';

interface Waiter {
  readonly give: (connection: Connection) => void;
  readonly refuse: (error: unknown) => void;
}

export class Pool {
  /** The youngest last: the pool shrinks when it has little to do. */
  private readonly idle: Connection[] = [];
  private readonly waiting = new Set<Waiter>();
  private open = 0;
  private ending = false;
  private readonly sweeper: NodeJS.Timeout;

  constructor(
    private readonly url: DatabaseUrl,
    private readonly folder: string,
  ) {
    this.sweeper = setInterval(() => this.sweep(), 1000);
    this.sweeper.unref();
  }

  /** Connections that are open or being opened, that do nothing, and requests that wait for one. */
  get figures(): { open: number; idle: number; busy: number; waiting: number } {
    return { open: this.open, idle: this.idle.length, busy: this.open - this.idle.length, waiting: this.waiting.size };
  }

  /** Throws KnownFault: P2024 when no connection is free in time, or what opening one failed with. */
  acquire(): Connection | Promise<Connection> {
    for (let connection = this.idle.pop(); connection !== undefined; connection = this.idle.pop()) {
      if (connection.usable && !this.expired(connection)) return connection;
      this.drop(connection);
    }
    return new Promise((give, refuse) => {
      const timer =
        this.url.poolTimeout > 0
          ? setTimeout(() => {
              this.waiting.delete(waiter);
              refuse(poolTimeout(this.url));
            }, this.url.poolTimeout)
          : undefined;
      const waiter: Waiter = {
        give: (connection) => {
          clearTimeout(timer);
          give(connection);
        },
        refuse: (error) => {
          clearTimeout(timer);
          refuse(error);
        },
      };
      this.waiting.add(waiter);
      this.grow();
    });
  }

  release(connection: Connection): void {
    connection.idleSince = performance.now();
    if (!connection.usable || connection.inTransaction || this.ending || this.expired(connection)) {
      this.drop(connection);
      this.grow();
      return;
    }
    const [next] = this.waiting;
    if (next !== undefined) {
      this.waiting.delete(next);
      next.give(connection);
      return;
    }
    this.idle.push(connection);
  }

  async end(): Promise<void> {
    this.ending = true;
    clearInterval(this.sweeper);
    await Promise.all(this.idle.splice(0).map((connection) => connection.end()));
  }

  /** Opens a connection for the longest waiter that has none coming, as long as the limit allows. */
  private grow(): void {
    if (this.waiting.size === 0 || this.open >= this.url.connectionLimit) return;
    this.open += 1;
    Connection.open(this.url, this.folder, (connection) => this.lost(connection)).then(
      (connection) => this.release(connection),
      (error: unknown) => {
        this.open -= 1;
        const [first] = this.waiting;
        if (first !== undefined) {
          this.waiting.delete(first);
          first.refuse(error);
        }
        this.grow();
      },
    );
  }

  private lost(connection: Connection): void {
    const index = this.idle.indexOf(connection);
    if (index < 0) return;
    this.idle.splice(index, 1);
    this.open -= 1;
  }

  private drop(connection: Connection): void {
    this.open -= 1;
    if (connection.inTransaction) connection.abort();
    else void connection.end();
  }

  private expired(connection: Connection): boolean {
    const now = performance.now();
    const { maxLifetime, maxIdleLifetime } = this.url;
    const old = maxLifetime > 0 && now - connection.opened > maxLifetime;
    const stale = maxIdleLifetime > 0 && now - connection.idleSince > maxIdleLifetime;
    return old || stale;
  }

  private sweep(): void {
    for (const connection of this.idle.filter((idle) => this.expired(idle))) {
      this.idle.splice(this.idle.indexOf(connection), 1);
      this.drop(connection);
    }
  }
}
