import { ARCHITECTURES } from './architectures.js';
import type { Problem } from '../errors.js';
import type { CollectionFile } from './collection.js';
import { problemAt, valueAt } from './document.js';
import type { Storage } from './layout.js';
import type { ResolveInput } from './resolve-input.js';
import type { ProfileFacts } from './resolve-profile.js';
import { ABSENT } from './suites.js';

/** Processors whose machines can have a BIOS. */
const WITH_BIOS: readonly string[] = ['amd64', 'i386'];

/** Tells what of a profile there is not for its architecture, where the architecture is named. */
export function checkArchitecture(
  input: ResolveInput,
  { suite, architecture }: Pick<ProfileFacts, 'suite' | 'architecture'>,
  image: { readonly collections: readonly CollectionFile[]; readonly storage: Storage | undefined },
  problems: Problem[],
): void {
  const named = input.profile.findLast(({ source }) => valueAt(source, ['architecture']) !== undefined)?.source;
  if (named === undefined || architecture === '') return;
  const tell = (message: string, hint: string): void => {
    problems.push(problemAt(named, ['architecture'], message, { hint }));
  };
  if (ABSENT[suite]?.includes(architecture) === true) {
    const has = ARCHITECTURES.filter((name) => ABSENT[suite]?.includes(name) !== true);
    tell(`Debian ${suite} has no ${architecture}`, `it has ${listed(has)}`);
  }
  for (const { name, architectures } of image.collections) {
    if (architectures.length === 0 || architectures.includes(architecture)) continue;
    tell(`collection "${name}" is not for ${architecture}`, `it is for ${listed(architectures)}`);
  }
  if (image.storage !== undefined && image.storage.firmware !== 'uefi' && !WITH_BIOS.includes(architecture)) {
    tell(`machines of ${architecture} have no BIOS`, 'set disk.firmware: uefi');
  }
}

function listed(names: readonly string[]): string {
  return [names.slice(0, -1).join(', '), ...names.slice(-1)].filter((part) => part !== '').join(' and ');
}
