/** The figures of the native engine, under its names, in its two formats. */

/** Upper bounds of the histograms' buckets in milliseconds. */
const BOUNDS = [0, 1, 5, 10, 50, 100, 500, 1000, 5000, 50000] as const;

export class Histogram {
  private readonly counts = new Array<number>(BOUNDS.length).fill(0);
  private sum = 0;
  private count = 0;

  record(milliseconds: number): void {
    this.sum += milliseconds;
    this.count += 1;
    const bucket = BOUNDS.findIndex((bound) => milliseconds <= bound);
    if (bucket >= 0) this.counts[bucket]! += 1;
  }

  get value(): { buckets: ReadonlyArray<readonly [bound: number, count: number]>; sum: number; count: number } {
    return { buckets: BOUNDS.map((bound, index) => [bound, this.counts[index]!]), sum: this.sum, count: this.count };
  }
}

export interface PoolFigures {
  readonly open: number;
  readonly idle: number;
  readonly busy: number;
  readonly waiting: number;
  readonly opened: number;
  readonly closed: number;
}

export type Labels = Readonly<Record<string, string>>;

type Figure = readonly [key: string, description: string, value: number];

export class Metrics {
  queries = 0;
  active = 0;
  statements = 0;
  readonly queryTime = new Histogram();
  readonly statementTime = new Histogram();
  readonly waitTime = new Histogram();

  json(pool: PoolFigures, labels: Labels): string {
    const number = ([key, description, value]: Figure): object => ({ key, labels, value, description });
    return JSON.stringify({
      counters: this.counters(pool).map(number),
      gauges: this.gauges(pool).map(number),
      histograms: this.histograms().map(([key, description, { value }]) => ({ key, labels, value, description })),
    });
  }

  prometheus(pool: PoolFigures, labels: Labels): string {
    const shared = Object.entries(labels)
      .map(
        ([key, value]) =>
          `${key.replace(/[^a-zA-Z0-9_]/g, '_')}="${value.replace(/["\\]/g, '\\$&').replace(/\n/g, '\\n')}"`,
      )
      .sort();
    const line = (key: string, value: number, bound?: number | string): string => {
      const all = bound === undefined ? shared : [...shared, `le="${bound}"`];
      return `${key}${all.length > 0 ? `{${all.join(',')}}` : ''} ${value}\n`;
    };
    const head = (key: string, description: string, type: string): string =>
      `# HELP ${key} ${description}\n# TYPE ${key} ${type}\n`;
    const numbers = (type: string, all: readonly Figure[]): string[] =>
      all.map(([key, description, value]) => `${head(key, description, type)}${line(key, value)}\n`);
    const histograms = this.histograms().map(([key, description, { value }]) => {
      let below = 0;
      const buckets = value.buckets.map(([bound, count]) => line(`${key}_bucket`, (below += count), bound));
      const ends = [
        line(`${key}_bucket`, value.count, '+Inf'),
        line(`${key}_sum`, value.sum),
        line(`${key}_count`, value.count),
      ];
      return `${head(key, description, 'histogram')}${[...buckets, ...ends].join('')}\n`;
    });
    return [...numbers('counter', this.counters(pool)), ...numbers('gauge', this.gauges(pool)), ...histograms].join('');
  }

  // In order of their names, as the native engine answers them.

  private counters(pool: PoolFigures): readonly Figure[] {
    return [
      ['prisma_client_queries_total', 'Total number of Prisma Client queries executed', this.queries],
      ['prisma_datasource_queries_total', 'Total number of Datasource Queries executed', this.statements],
      ['prisma_pool_connections_closed_total', 'Total number of Pool Connections closed', pool.closed],
      ['prisma_pool_connections_opened_total', 'Total number of Pool Connections opened', pool.opened],
    ];
  }

  private gauges(pool: PoolFigures): readonly Figure[] {
    return [
      ['prisma_client_queries_active', 'Number of currently active Prisma Client queries', this.active],
      [
        'prisma_client_queries_wait',
        'Number of Prisma Client queries currently waiting for a connection',
        pool.waiting,
      ],
      [
        'prisma_pool_connections_busy',
        'Number of currently busy Pool Connections (executing a datasource query)',
        pool.busy,
      ],
      [
        'prisma_pool_connections_idle',
        'Number of currently unused Pool Connections (waiting for the next datasource query to run)',
        pool.idle,
      ],
      ['prisma_pool_connections_open', 'Number of currently open Pool Connections', pool.open],
    ];
  }

  private histograms(): ReadonlyArray<readonly [key: string, description: string, histogram: Histogram]> {
    return [
      [
        'prisma_client_queries_duration_histogram_ms',
        'Histogram of the duration of all executed Prisma Client queries in ms',
        this.queryTime,
      ],
      [
        'prisma_client_queries_wait_histogram_ms',
        'Histogram of the wait time of all Prisma Client Queries in ms',
        this.waitTime,
      ],
      [
        'prisma_datasource_queries_duration_histogram_ms',
        'Histogram of the duration of all executed Datasource Queries in ms',
        this.statementTime,
      ],
    ];
  }
}
