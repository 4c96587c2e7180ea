/** Unique reads past the engine, where there is a plan. */
import { KnownFault } from '../faults.js';
import type { Metrics } from '../metrics.js';
import type { Pool } from '../postgres/pool.js';
import { runPlan, type Plan } from './plan.js';
import type { Planner } from './planner.js';
import { isUniqueRead, shapeOf } from './shape.js';

/** How many shapes are remembered with a plan, and how many without; an application has a few dozens. */
const MOST_SHAPES = 256;
/** A shape that comes once may never come again. */
const SEEN_OFTEN = 3;
/** Longer texts are not worth remembering. */
const LONGEST_SHAPE = 16 * 1024;

export class UniqueReads {
  private readonly plans = new Map<string, Plan>();
  /** How often shapes without a plan have been seen. */
  private readonly others = new Map<string, number>();

  constructor(
    private readonly planner: Planner,
    private readonly pool: Pool,
    private readonly metrics: Metrics,
  ) {}

  /** The answer to `text`, undefined where the engine must give it. Throws KnownFault when there is no connection. */
  async answer(text: string): Promise<string | undefined> {
    const shape = shapeOf(text);
    if (shape === undefined) return undefined;
    const plan = this.plans.get(shape.key);
    if (plan === undefined) {
      this.consider(shape.key);
      return undefined;
    }
    const connection = await this.pool.acquire();
    const started = performance.now();
    try {
      return await runPlan(plan, shape.literals, connection);
    } catch (error) {
      // The engine meets the same error and words it; a read may be repeated.
      if (error instanceof KnownFault) throw error;
      return undefined;
    } finally {
      this.pool.release(connection);
      this.metrics.statements += 1;
      this.metrics.statementTime.record(performance.now() - started);
    }
  }

  /** Has a plan made for a shape that comes often; the engine answers meanwhile. */
  private consider(key: string): void {
    const times = (this.others.get(key) ?? 0) + 1;
    if (times > SEEN_OFTEN || key.length > LONGEST_SHAPE || !isUniqueRead(key)) return;
    remember(this.others, key, times);
    if (times < SEEN_OFTEN) return;
    this.planner.plan(key).then(
      (plan) => {
        if (plan !== undefined) remember(this.plans, key, plan);
      },
      () => undefined,
    );
  }
}

function remember<T>(shapes: Map<string, T>, key: string, value: T): void {
  shapes.delete(key);
  shapes.set(key, value);
  if (shapes.size > MOST_SHAPES) shapes.delete(shapes.keys().next().value!);
}
