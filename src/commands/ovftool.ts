import { accessSync, constants, realpathSync } from 'node:fs';
import path from 'node:path';
import type { Mount } from '../host/mounts.js';

/** Where the builder looks for it. */
const INSIDE_OVFTOOL = '/opt/ovftool';

/** VMware's ovftool of this machine with what lies beside it, for the builder to ask; no mount where there is none. */
export function ovftoolMounts(env: NodeJS.ProcessEnv): readonly Mount[] {
  for (const directory of (env['PATH'] ?? '').split(':').filter((part) => part !== '')) {
    try {
      const file = realpathSync(path.join(directory, 'ovftool'));
      accessSync(file, constants.X_OK);
      return [{ source: path.dirname(file), target: INSIDE_OVFTOOL, readonly: true }];
    } catch {
      continue;
    }
  }
  return [];
}
