import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { output } from '../../exec/run.js';

/** Where the builder has VMware's ovftool when its user has one: it may not be redistributed, and is never needed. */
const OVFTOOL = '/opt/ovftool/ovftool';

/**
 * What ovftool has against an appliance.
 *
 * @param tool another place of it.
 * @returns its errors and warnings, nothing where there is no ovftool.
 */
export async function askOvftool(
  file: string,
  signal: AbortSignal,
  tool: string | undefined = foundOvftool(),
): Promise<readonly string[] | undefined> {
  if (tool === undefined) return undefined;
  // Its complaints come on both streams, and its status says less than they do.
  const script = '"$1" --schemaValidate "$2" 2>&1; echo "exit status $?"';
  const text = await output(['sh', '-c', script, 'sh', tool, file], { doing: 'asking ovftool', signal });
  const lines = text.trimEnd().split('\n');
  const complaints = lines.filter((line) => /^\s*(Error|Warning)s?:\s*\S/.test(line)).map((line) => line.trim());
  const end = lines.at(-1) ?? '';
  return complaints.length > 0 || end === 'exit status 0' ? complaints : [`it ended with ${end}`];
}

function foundOvftool(): string | undefined {
  const places = (process.env['PATH'] ?? '').split(':').map((directory) => join(directory, 'ovftool'));
  return [OVFTOOL, ...places].find((place) => existsSync(place));
}
