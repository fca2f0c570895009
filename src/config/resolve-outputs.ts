import type { Problem } from '../errors.js';
import type { CollectionFile } from './collection.js';
import { problemAt, stringsAt, valueAt } from './document.js';
import { FORMAT_NAMES, FORMAT_SOURCES, isDiskFormat, tooLarge, type FormatName } from './formats.js';
import { diskBytes } from './layout-sizes.js';
import type { Storage } from './layout.js';
import type { ResolveInput } from './resolve-input.js';
import { DEFAULT_OUTPUTS } from './schema.js';

/**
 * The formats to make: those asked for, else the profile's own, else those of the last collection that names some, else
 * the default. A format that cannot be made of the disks is a problem.
 */
export function resolveOutputs(
  { formats, profile }: Pick<ResolveInput, 'formats' | 'profile'>,
  { own, architecture }: { readonly own: readonly string[]; readonly architecture: string },
  collections: readonly CollectionFile[],
  storage: Storage | undefined,
  problems: Problem[],
): readonly string[] {
  const outputs = [
    formats,
    own,
    collections.findLast((collection) => collection.outputs.length > 0)?.outputs ?? DEFAULT_OUTPUTS,
  ].find((list) => list.length > 0);
  // Without a disk, or with an odd one, because something is wrong with it: that has been told.
  if (problems.length === 0) {
    const wanted = formats.length > 0 ? formats.flatMap(asked) : written(profile, storage, outputs ?? []);
    problems.push(
      ...wanted.flatMap(({ format, tell }) => {
        const fault = formatFault(format, architecture, storage);
        return fault === undefined ? [] : [tell(fault)];
      }),
    );
  }
  return [...new Set(outputs)];
}

interface FormatFault {
  readonly message: string;
  readonly hint: string;
}

/** A format, and how its faults are told. */
interface WantedFormat {
  readonly format: FormatName;
  readonly tell: (fault: FormatFault) => Problem;
}

function asked(format: string): WantedFormat[] {
  return named(format, ({ message, hint }) => ({ file: '--format', line: 1, col: 1, path: format, message, hint }));
}

/** Where the profile names them; where it names the collections that decide, and has the disk that these are for. */
function written(
  profile: ResolveInput['profile'],
  storage: Storage | undefined,
  outputs: readonly string[],
): WantedFormat[] {
  const own = profile.map(({ source }) => stringsAt(source, ['outputs'])).findLast((list) => list.length > 0) ?? [];
  if (own.length > 0) {
    return own.flatMap(({ value, source, path }) =>
      named(value, ({ message, hint }) => problemAt(source, path, message, { hint })),
    );
  }
  const source = profile.findLast((file) => valueAt(file.source, ['collections']) !== undefined)?.source;
  if (source === undefined || storage === undefined) return [];
  return outputs.flatMap((format) =>
    named(format, ({ message, hint }) => problemAt(source, ['collections'], message, { hint, part: 'key' })),
  );
}

function named(format: string, tell: WantedFormat['tell']): WantedFormat[] {
  return FORMAT_NAMES.filter((name) => name === format).map((name) => ({ format: name, tell }));
}

/** Whether the descriptor of an OVA can say what a machine of this architecture is. */
export function withAppliances(architecture: string): boolean {
  return architecture === 'amd64' || architecture === 'i386';
}

/** Why a format cannot be made of a storage; undefined when it can. */
function formatFault(format: FormatName, architecture: string, storage: Storage | undefined): FormatFault | undefined {
  if (format === 'ova' && !withAppliances(architecture)) {
    return { message: `an OVA describes a machine of VMware, and not for ${architecture}`, hint: 'take vmdk' };
  }
  if (storage === undefined) {
    if (!isDiskFormat(format)) return undefined;
    const hint = 'use a target with a disk, such as targets/vm/kvm, or set disk.firmware';
    return { message: `${format} is made from a disk, and this profile has none`, hint };
  }
  const { disks } = storage;
  if (FORMAT_SOURCES[format] === 'system' && disks.length > 1) {
    const hint = 'put everything on one disk, or take qcow2 and attach the other disks to the instance';
    return { message: `${format} holds one disk, and this profile has ${String(disks.length)}`, hint };
  }
  const message = disks.map((disk) => tooLarge(format, diskBytes(disk))).find((fault) => fault !== undefined);
  return message === undefined ? undefined : { message, hint: 'make the disk smaller, or take raw or qcow2' };
}
