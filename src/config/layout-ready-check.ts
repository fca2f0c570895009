import { isMapping, valueAt, type Path, type Source } from './document.js';
import type { Storage } from './layout.js';
import type { OptionValue } from './types.js';

type Options = Readonly<Record<string, OptionValue>>;

/** Something that options of the ready-made disks ask for and that cannot be. */
export interface OptionFault {
  readonly option: string;
  readonly message: string;
  readonly hint: string;
}

/** What is wrong among the options themselves, before there is a layout; `passphrase`: one was given. */
export function checkReadyOptions(options: Options, passphrase: boolean): OptionFault[] {
  const faults: OptionFault[] = [];
  const swap = options['disk.swap'];
  const lvm = options['disk.lvm'] === true;
  if (swap === 'volume' && !lvm) {
    const message = 'there is no volume group for swap to be a volume of';
    faults.push({ option: 'disk.swap', message, hint: 'set disk.lvm: true, or disk.swap: partition' });
  }
  if (options['disk.luks.enable'] !== true) return faults;
  if (!passphrase) {
    const message = 'encrypted storage needs a passphrase';
    faults.push({ option: 'disk.luks.enable', message, hint: 'set disk.luks.passphrase: { env: DISK_PASSPHRASE }' });
  }
  if (swap === 'partition' || swap === 'disk') {
    const message = 'swap outside of the encrypted storage would hold in clear what is encrypted there';
    faults.push({ option: 'disk.swap', message, hint: 'set disk.swap: volume with disk.lvm: true, or none' });
  }
  const clear = (['disk.logSize', 'disk.aptSize'] as const).find((name) => isMore(options[name]));
  if (clear !== undefined && !lvm) {
    const message = 'without a volume group this would be a partition outside of the encrypted storage';
    faults.push({ option: clear, message, hint: 'set disk.lvm: true' });
  }
  const iterations = Number(options['disk.luks.iterations']);
  const pbkdf2 = options['disk.luks.pbkdf'] === 'pbkdf2';
  const least = pbkdf2 ? 1000 : 4;
  if (iterations > 0 && iterations < least) {
    const message = `${pbkdf2 ? 'pbkdf2' : 'argon2'} takes no less than ${String(least)}`;
    faults.push({ option: 'disk.luks.iterations', message, hint: 'leave it at 0 for a good number' });
  }
  return faults;
}

function isMore(size: OptionValue | undefined): boolean {
  return typeof size === 'string' && !/^0+\D*$/.test(size);
}

/** The option that decides about a place of the ready-made layout. */
export function readyOption({ disks }: Storage, [disk, , partition, ...more]: Path): string {
  const name = disks[Number(disk)]?.partitions[Number(partition)]?.name;
  // A place within the volume group: the name of the group, or one of its volumes.
  if (name === 'root' && more.at(-1) === 'name') return 'disk.volumeGroup';
  switch (name) {
    case 'esp':
      return 'disk.espSize';
    case 'boot':
    case 'log':
    case 'apt':
    case 'swap':
    case 'root':
      return `disk.${name}Size`;
    default:
      return partition === undefined && disks[0]?.size !== undefined ? 'disk.size' : 'disk.table';
  }
}

/** Where below `start` a file gives an option its value, be it nested or dotted; undefined when it does not. */
export function optionPlace(source: Source, option: string, start: Path = ['options']): Path | undefined {
  const find = (path: Path, rest: string): Path | undefined => {
    const mapping = valueAt(source, path);
    if (!isMapping(mapping)) return undefined;
    for (const key of Object.keys(mapping)) {
      if (key === rest) return [...path, key];
      const found = rest.startsWith(`${key}.`) ? find([...path, key], rest.slice(key.length + 1)) : undefined;
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return find(start, option);
}
