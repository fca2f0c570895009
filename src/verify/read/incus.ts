import { join } from 'node:path';
import { parse } from 'yaml';
import { output } from '../../exec/run.js';
import type { ArchiveFacts, IncusFacts, TreeFacts } from '../facts.js';
import { readArchive } from './archive.js';
import type { Contents, Look } from './look.js';

/** What one file of an image for Incus tells; `disk` is that of a machine, unpacked. */
export interface ReadIncus {
  readonly incus: IncusFacts;
  readonly tree?: Pick<TreeFacts, 'entries' | 'texts'>;
  readonly contents?: Contents;
  readonly disk?: string;
}

const METADATA = 'metadata.yaml';
const DISK = 'rootfs.img';

/** Reads the archive of an image for Incus or LXD: all of it, or its metadata when the rest lies in another file. */
export async function readIncus(file: string, look: Look): Promise<ReadIncus> {
  const { archive, tree, contents, outside } = await readArchive(file, look, 'rootfs');
  const names = archive.members.map(({ name }) => name.replace(/^\.\//, ''));
  const kind = names.includes(DISK) ? 'machine' : tree.entries.size > 0 ? 'container' : 'metadata';
  const incus: IncusFacts = {
    ...{ archive, kind, members: names.filter((name) => !name.startsWith('rootfs/')) },
    ...metadataOf(outside.get(METADATA), archive),
    first: names.find((name) => !name.endsWith('/')) === METADATA,
  };
  if (kind === 'container') return { incus, tree, contents };
  if (kind === 'metadata') return { incus };
  const disk = join(look.scratch, 'disk.qcow2');
  const member = archive.members.find(({ name }) => name.replace(/^\.\//, '') === DISK)?.name ?? DISK;
  const script = 'tar --extract --auto-compress --to-stdout --file "$1" -- "$2" > "$3"';
  await output(['bash', '--norc', '-euc', script, 'imgbuild', file, member, disk], {
    doing: 'unpacking the disk',
    signal: look.signal,
  });
  return { incus, disk };
}

type Metadata = Pick<IncusFacts, 'architecture' | 'creationDate' | 'properties' | 'templates' | 'defects'>;

const NOTHING: Metadata = { architecture: '', creationDate: undefined, properties: {}, templates: [], defects: [] };

/** The parts of metadata.yaml that Incus reads (shared/api, ImageMetadata). */
function metadataOf(text: string | undefined, { defects: broken }: ArchiveFacts): Metadata {
  if (text === undefined) return { ...NOTHING, defects: [...broken, 'it has no metadata.yaml'] };
  let content: unknown;
  try {
    content = parse(Buffer.from(text, 'latin1').toString('utf8'));
  } catch (error) {
    return { ...NOTHING, defects: [...broken, `metadata.yaml cannot be read: ${(error as Error).message}`] };
  }
  const { architecture, creation_date: date, properties, templates } = recordOf(content);
  return {
    architecture: textOf(architecture),
    creationDate: typeof date === 'number' ? date : undefined,
    properties: Object.fromEntries(Object.entries(recordOf(properties)).map(([key, value]) => [key, textOf(value)])),
    templates: Object.entries(recordOf(templates)).map(([path, value]) => {
      const { template, when } = recordOf(value);
      return { path, template: textOf(template), when: Array.isArray(when) ? when.map(textOf) : [] };
    }),
    defects: broken,
  };
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
