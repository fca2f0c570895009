import { readFileSync } from 'node:fs';
import type { Context } from './context.js';
import { output } from './run.js';

/** Debian packages of the builder whose versions may show in an image. */
const PACKAGES = ['apt', 'dpkg', 'mmdebstrap', 'tar', 'zstd'];

function programVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** Versions of the tools that made an image, for its manifest. */
export async function toolVersions(context: Context): Promise<Record<string, string>> {
  const text = await output(['dpkg-query', '--show', '--showformat=${Package} ${Version}\\n', ...PACKAGES], {
    doing: 'asking for tool versions',
    signal: context.signal,
    onLine: context.log,
  });
  const tools = Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split(' ') as [string, string]),
  );
  return { ...tools, imgbuild: programVersion(), node: process.versions.node };
}
