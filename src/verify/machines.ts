import path from 'node:path';

/**
 * Puts the disks of a machine together: files of one build in one format. A build names them
 * `<profile>_<disk>_<day>_<second>.<format>`; any other file is a machine by itself. Archives of containers are none.
 */
export function machinesOf(files: readonly string[]): string[][] {
  const machines = new Map<string, string[]>();
  for (const file of files) {
    if (/\.tar(\.\w+)?$/i.test(file)) continue;
    const [, profile, moment = '', suffix = ''] =
      /^(.+)_[a-z0-9-]+_(\d{4}-\d\d-\d\d_\d+)(\..+)$/.exec(path.basename(file)) ?? [];
    const key = profile === undefined ? file : path.join(path.dirname(file), `${profile}_${moment}${suffix}`);
    machines.set(key, [...(machines.get(key) ?? []), file]);
  }
  return [...machines.values()];
}
