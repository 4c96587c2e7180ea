// Bundles the engine into dist/: one script, the WebAssembly beside it, the launcher, the notices of what is inside.
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import { build } from 'esbuild';

rmSync('dist', { recursive: true, force: true });
mkdirSync('dist');

const { metafile } = await build({
  entryPoints: ['src/main.ts'],
  outfile: 'dist/query-engine.cjs',
  bundle: true,
  platform: 'node',
  target: 'node20',
  // Node starts CommonJS sooner than modules.
  format: 'cjs',
  minify: true,
  keepNames: true,
  metafile: true,
  // pg asks whether it runs at Cloudflare's; the question alone would load Node's whole fetch.
  define: { Response: 'undefined' },
  // pg asks for these only where somebody installed or configured them.
  external: ['pg-native', 'pg-cloudflare', 'cloudflare:sockets'],
});

// The engine's JavaScript side stays a file of its own: it is evaluated once for each instance.
for (const file of ['query_engine_bg.postgresql.wasm', 'query_engine_bg.postgresql.js']) {
  copyFileSync(`node_modules/@prisma/client/runtime/${file}`, `dist/${file}`);
}
copyFileSync('query-engine', 'dist/query-engine');
chmodSync('dist/query-engine', 0o755);
// The name under which Node runs: LiteLLM knows engines by it.
symlinkSync('/usr/bin/node', 'dist/query-engine-node');

const packages = new Set([
  '@prisma/client',
  ...Object.keys(metafile.inputs).flatMap(
    (input) => input.match(/^(?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1] ?? [],
  ),
]);
const notices = [...packages].sort().map((name) => {
  const folder = join('node_modules', name);
  const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  return `${name} ${version} (${license})\n\n${file === undefined ? '' : readFileSync(join(folder, file), 'utf8')}`;
});
writeFileSync(join('dist', 'NOTICES.txt'), notices.join(`\n${'-'.repeat(80)}\n\n`));
