import type { BootFacts } from '../facts.js';
import type { Offence } from '../types.js';

/** The text and check of a rule that wants drivers in every initramfs. */
export function driverRule(id: string, drivers: readonly string[], device: string) {
  return {
    id,
    severity: 'error' as const,
    title: `Every initramfs (or kernel) holds ${drivers.join(' and ')}`,
    source: `without them the kernel does not see ${device}, and waits for its root in vain`,
    advice: 'add them to /etc/initramfs-tools/modules and run update-initramfs -u -k all',
    check: ({ initramfs, builtin }: BootFacts): Offence[] =>
      initramfs.flatMap(({ file, modules }) => {
        if (modules === undefined) return [{ message: 'it could not be read', where: file }];
        // The kernel takes - and _ for the same in names of modules.
        const there = new Set([...modules, ...builtin].map((name) => name.replaceAll('-', '_')));
        const missing = drivers.filter((name) => !there.has(name));
        return missing.length === 0 ? [] : [{ message: `${missing.join(' and ')} missing`, where: file }];
      }),
  };
}
