/** A bounded pool of connections with Prisma's parameters. */
import { poolTimeout, type KnownFault } from '../faults.js';
import type { Histogram, PoolFigures } from '../metrics.js';
import { Connection } from './connection.js';
import type { DatabaseUrl } from './database-url.js';

interface Waiter {
  readonly give: (connection: Connection) => void;
  readonly refuse: (error: unknown) => void;
}

export class Pool {
  /** The youngest last: the pool shrinks when it has little to do. */
  private readonly idle: Connection[] = [];
  private readonly waiting = new Set<Waiter>();
  private open = 0;
  private opened = 0;
  private ending = false;
  private readonly sweeper: NodeJS.Timeout;

  constructor(
    private readonly url: DatabaseUrl,
    private readonly folder: string,
    private readonly waits: Histogram,
  ) {
    this.sweeper = setInterval(() => this.sweep(), 1000);
    this.sweeper.unref();
  }

  get figures(): PoolFigures {
    const { open, opened } = this;
    const idle = this.idle.length;
    return { open, idle, busy: open - idle, waiting: this.waiting.size, opened, closed: Math.max(0, opened - open) };
  }

  /**
   * A connection of one's own until `release`. Throws KnownFault: P2024 when none is free in time, what opening one
   * failed with, or `late` when `limit` milliseconds have passed before the pool's own time-out.
   */
  async acquire(limit = 0, late?: KnownFault): Promise<Connection> {
    const asked = performance.now();
    const connection = this.take() ?? (await this.wait(limit, late));
    this.waits.record(performance.now() - asked);
    return connection;
  }

  private take(): Connection | undefined {
    for (let connection = this.idle.pop(); connection !== undefined; connection = this.idle.pop()) {
      if (connection.usable && !this.expired(connection)) return connection;
      this.drop(connection);
    }
    return undefined;
  }

  private wait(limit: number, late: KnownFault | undefined): Promise<Connection> {
    const { poolTimeout: own } = this.url;
    const mine = limit > 0 && (own === 0 || limit <= own);
    const time = mine ? limit : own;
    return new Promise((give, refuse) => {
      const timer =
        time > 0
          ? setTimeout(() => {
              this.waiting.delete(waiter);
              refuse(mine ? late : poolTimeout(this.url));
            }, time)
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
      (connection) => {
        this.opened += 1;
        this.release(connection);
      },
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
