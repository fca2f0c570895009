// `node esbuild.config.js` gathers what the compiler has made, and the libraries, into few files: Node spends half a second
// on loading 300 modules one by one, twice in a build.
import { readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';

const outdir = 'dist/bundle';
const { metafile } = await build({
  entryPoints: ['dist/cli.js'],
  outdir,
  bundle: true,
  // What a verb alone needs is loaded by that verb alone.
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  // Rarely asked for; the one has parts that are compiled where they are installed, the other is CommonJS with workers.
  external: ['dockerode', 'pino'],
  // Libraries that are CommonJS ask for Node's own modules.
  banner: {
    js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
  },
  logLevel: 'warning',
  metafile: true,
});

// A build that began before may load its parts late: they stay for a day.
const DAY = 86_400_000;
for (const name of readdirSync(outdir)) {
  const file = path.join(outdir, name);
  if (!(file in metafile.outputs) && Date.now() - statSync(file).mtimeMs > DAY) rmSync(file);
}
