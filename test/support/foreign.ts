import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { debianArchitecture } from '../../src/config/architectures.js';
import { build, type Built } from './build.js';

/** An architecture that this machine is not of, and what the kernel calls it. */
export const FOREIGN =
  debianArchitecture() === 'arm64' ? { name: 'amd64', machine: 'x86_64' } : { name: 'arm64', machine: 'aarch64' };

/** Builds a small image for it in a directory, unless the cache has it. */
export async function buildForeign(directory: string): Promise<{ readonly profile: string; readonly built: Built }> {
  const profile = path.join(directory, 'foreign.yaml');
  const options = 'options: { apt.variant: essential }\noutputs: [tar.zst]\n';
  writeFileSync(profile, `suite: trixie\narchitecture: ${FOREIGN.name}\ncollections: []\n${options}`);
  return { profile, built: await build([profile, '--output', path.join(directory, 'out')]) };
}
