// Bundles the command into dist/: one executable script, the WebAssembly beside it, the notices of what is inside.
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { build } from 'esbuild';

rmSync('dist', { recursive: true, force: true });
mkdirSync('dist');

const { metafile } = await build({
  entryPoints: ['src/main.ts'],
  outfile: 'dist/prisma',
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  metafile: true,
  legalComments: 'none',
  // pg asks for these only where somebody installed or configured them.
  external: ['pg-native', 'pg-cloudflare', 'cloudflare:sockets'],
  // pg looks at these to recognize a runtime that this is not; a look makes Node load its whole HTTP client.
  define: { Response: 'undefined', navigator: 'undefined' },
  // Node itself, not env: so the kernel names the process `prisma`.
  banner: { js: '#!/usr/bin/node' },
});
chmodSync('dist/prisma', 0o755);

const engine = 'node_modules/@prisma/schema-engine-wasm';
copyFileSync(`${engine}/schema_engine_bg.wasm`, 'dist/schema_engine_bg.wasm');

const packages = new Set(
  Object.keys(metafile.inputs).flatMap(
    (input) => input.match(/^(?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1] ?? [],
  ),
);
/** The text of a package's licence: its file, its readme's section, or the compiler's, which is Apache-2.0 too. */
function licence(folder, name) {
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (file !== undefined) return readFileSync(join(folder, file), 'utf8');
  const readme = readdirSync(folder).find((entry) => /^readme/i.test(entry));
  const section = readme && /^#+ *licen[cs]e\s+([^]*)/im.exec(readFileSync(join(folder, readme), 'utf8'))?.[1];
  if (section) return section;
  if (name === 'Apache-2.0') return readFileSync('node_modules/typescript/LICENSE.txt', 'utf8');
  throw new Error(`${folder} has no text of its licence`);
}

const notices = [...packages].sort().map((name) => {
  const folder = join('node_modules', name);
  const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return `${name} ${version} (${license})\n\n${licence(folder, license)}`;
});
writeFileSync(join('dist', 'NOTICES.txt'), notices.join(`\n${'-'.repeat(80)}\n\n`));
