import { createHash } from 'node:crypto';
import type { OvaFacts, OvfFacts } from '../facts.js';
import { compressionOf, unpacked } from './packed.js';
import { readOvf } from './ovf.js';
import { readTar } from './tar.js';

/** Where a disk lies in an appliance, so that it is read there and not unpacked. */
export interface InnerDisk {
  readonly name: string;
  readonly at: number;
  readonly bytes: number;
}

interface Appliance {
  readonly ova: OvaFacts;
  readonly ovf?: OvfFacts;
  readonly disks: readonly InnerDisk[];
}

/** Reads an appliance once from its beginning to its end. */
export async function readOva(file: string, signal: AbortSignal): Promise<Appliance> {
  const compression = await compressionOf(file);
  const digests = new Map<string, string>();
  const texts = new Map<string, string>();
  const disks: InnerDisk[] = [];
  const archive = await readTar(unpacked(file, compression, signal), (member, at) => {
    const hash = createHash('sha256');
    const parts: Buffer[] = [];
    const isText = /\.(ovf|mf)$/i.test(member.name) && member.bytes < 1 << 24;
    // Inside a packed file it has no place of its own.
    if (/\.vmdk$/i.test(member.name) && compression === 'none')
      disks.push({ name: member.name, at, bytes: member.bytes });
    return {
      data: (part) => {
        hash.update(part);
        if (isText) parts.push(Buffer.from(part));
      },
      end: () => {
        digests.set(member.name, hash.digest('hex'));
        if (isText) texts.set(member.name, Buffer.concat(parts).toString('utf8'));
      },
    };
  });
  const named = (suffix: string): string | undefined =>
    [...texts].find(([name]) => name.toLowerCase().endsWith(suffix))?.[1];
  const descriptor = named('.ovf');
  const there = new Map(archive.members.map(({ name, bytes }) => [name, bytes]));
  return {
    ova: { archive: { ...archive, compression }, manifest: named('.mf'), digests },
    ...(descriptor === undefined ? {} : { ovf: readOvf(descriptor, there) }),
    disks,
  };
}
