import type { Problem } from '../errors.js';
import type { CollectionFile } from './collection.js';
import { problemAt, stringsAt } from './document.js';
import { FORMAT_NAMES, FORMAT_SOURCES, isDiskFormat } from './formats.js';
import type { Storage } from './layout.js';
import type { ResolveInput } from './resolve-input.js';
import { DEFAULT_OUTPUTS } from './schema.js';

/**
 * The formats to make: those asked for, else the profile's own, else those of the last collection that names some, else
 * the default. A disk's format without a disk is a problem.
 */
export function resolveOutputs(
  { formats, profile }: Pick<ResolveInput, 'formats' | 'profile'>,
  own: readonly string[],
  collections: readonly CollectionFile[],
  storage: Storage | undefined,
  problems: Problem[],
): readonly string[] {
  const outputs = [
    formats,
    own,
    collections.findLast((collection) => collection.outputs.length > 0)?.outputs ?? DEFAULT_OUTPUTS,
  ].find((list) => list.length > 0);
  // Without a disk because something is wrong with it: that has been told.
  if (storage === undefined && problems.length === 0) {
    const hint = 'use a target with a disk, such as targets/vm/kvm, or set disk.firmware';
    const message = (format: string): string => `${format} is made from a disk, and this profile has none`;
    for (const format of formats.filter(needsDisk)) {
      problems.push({ file: '--format', line: 1, col: 1, path: format, message: message(format), hint });
    }
    for (const { value, path, source } of profile.flatMap(({ source }) => stringsAt(source, ['outputs']))) {
      if (formats.length === 0 && needsDisk(value)) problems.push(problemAt(source, path, message(value), { hint }));
    }
  }
  const { length: disks } = storage?.disks ?? [];
  if (disks > 1) {
    const hint = 'put everything on one disk, or take qcow2 and attach the other disks to the instance';
    const message = (format: string): string => `${format} holds one disk, and this profile has ${String(disks)}`;
    for (const format of formats.filter(holdsOneDisk)) {
      problems.push({ file: '--format', line: 1, col: 1, path: format, message: message(format), hint });
    }
    for (const { value, path, source } of profile.flatMap(({ source }) => stringsAt(source, ['outputs']))) {
      if (formats.length === 0 && holdsOneDisk(value)) problems.push(problemAt(source, path, message(value), { hint }));
    }
  }
  return [...new Set(outputs)];
}

function holdsOneDisk(format: string): boolean {
  return FORMAT_NAMES.some((name) => name === format && FORMAT_SOURCES[name] === 'system');
}

function needsDisk(format: string): boolean {
  return FORMAT_NAMES.some((name) => name === format && isDiskFormat(name));
}
