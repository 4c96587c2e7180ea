/** `prisma --version`: LiteLLM asks at every start, and only for the exit code. */
import { ENGINE_VERSION } from '../engine-version.js';
import { print } from '../output.js';

export function version(): void {
  const lines = {
    prisma: '6.19.3 (Slipway)',
    'Operating System': process.platform,
    Architecture: process.arch,
    'Node.js': process.version,
    'Schema Engine': `schema-engine-wasm ${ENGINE_VERSION}`,
    'Default Engines Hash': ENGINE_VERSION,
  };
  for (const [name, value] of Object.entries(lines)) print(`${name.padEnd(23)} : ${value}`);
}
