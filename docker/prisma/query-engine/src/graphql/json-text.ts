/** Whether a text is JSON that the engine can take: it panics over one that its own strict parser refuses. */

/** How deep the engine's parser goes. */
const DEEPEST = 127;

export function isEngineJson(text: string): boolean {
  try {
    return fits(JSON.parse(text), DEEPEST);
  } catch {
    return false;
  }
}

function fits(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value);
    case 'string':
      return value.isWellFormed();
    case 'object':
      if (value === null) return true;
      if (depth === 0) return false;
      for (const [key, member] of Object.entries(value)) {
        if (!key.isWellFormed() || !fits(member, depth - 1)) return false;
      }
      return true;
    default:
      return true;
  }
}
