import { access, constants } from 'node:fs/promises';
import path from 'node:path';

/** Whether a command can be found. */
export async function onPath(command: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  // The sbin directories are not on the path of ordinary users on Debian, but daemons lie there.
  const dirs = [...(env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin'].filter((dir) => dir !== '');
  for (const dir of dirs) {
    try {
      await access(path.join(dir, command), constants.X_OK);
      return true;
    } catch {
      continue;
    }
  }
  return false;
}

/** The environment for tools of the host: the caller's, with the sbin directories, and messages that can be read. */
export function hostEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  const defined = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { ...Object.fromEntries(defined), PATH: `${env['PATH'] ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C.UTF-8' };
}
