import { findEngine } from '../../src/host/engine.js';
import { ensureBuilder } from '../../src/host/image.js';
import { runEmbedded } from '../../src/host/launch-embedded.js';
import { INSIDE, programMounts } from '../../src/host/mounts.js';
import { hostOf } from '../../src/host/program.js';
import { CACHE } from './build.js';
import { CHECKOUT } from './cli.js';

/**
 * Runs a script in the embedded builder, whose tools are newer than those of many machines, and expects success. The
 * directory `work` is at INSIDE.work there, the program where it always is.
 *
 * @returns what it wrote to standard output.
 */
export async function inBuilder(work: string, script: string, args: readonly string[] = []): Promise<string> {
  const host = hostOf(CHECKOUT, CACHE);
  const { engine } = await findEngine(host, 'embedded');
  const output: string[] = [];
  const complaints: string[] = [];
  try {
    const builder = await ensureBuilder(host, engine, {}, () => undefined);
    if (builder.kind !== 'root') throw new Error('the embedded engine has no directory');
    const code = await runEmbedded(host, builder, {
      id: 'test',
      argv: ['bash', '--norc', '-euo', 'pipefail', '-c', script, 'test', ...args],
      mounts: [...programMounts(host.program), { source: work, target: INSIDE.work, readonly: false }],
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8' },
      onOutput: (line) => output.push(line),
      onError: (line) => complaints.push(line),
    });
    if (code !== 0) throw new Error(`${String(code)}\n${[...output, ...complaints].join('\n')}`);
  } finally {
    await engine.close();
  }
  return output.join('\n');
}
