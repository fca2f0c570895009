import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import type { Entry, OciFacts, OciLayerFacts, TreeFacts } from '../facts.js';
import { readArchive } from './archive.js';
import type { Contents, Look } from './look.js';
import { compressionOf, unpacked } from './packed.js';
import { readTar } from './tar.js';

/** What an archive of an OCI image tells. */
export interface ReadOci {
  readonly oci: OciFacts;
  readonly tree?: Pick<TreeFacts, 'entries' | 'texts'>;
  readonly contents?: Contents;
}

const descriptor = z.object({ mediaType: z.string().default(''), digest: z.string(), size: z.number() });
const Layout = z.object({ imageLayoutVersion: z.string() });
const Index = z.object({
  manifests: z.array(descriptor.extend({ annotations: z.record(z.string(), z.string()).optional() })).min(1),
});
const Manifest = z.object({ config: descriptor, layers: z.array(descriptor).min(1) });
const Config = z.object({
  architecture: z.string().default(''),
  os: z.string().default(''),
  config: z.object({ Entrypoint: z.array(z.string()).nullish(), Cmd: z.array(z.string()).nullish() }).optional(),
  rootfs: z.object({ diff_ids: z.array(z.string()) }),
});

/** Larger members are layers. */
const LONGEST_TEXT = 4 << 20;

/** Reads an OCI image layout in a tar: its texts, and the files of all layers, one above the other. */
export async function readOci(file: string, look: Look): Promise<ReadOci> {
  const texts = new Map<string, string>();
  const blobs = new Map<string, { readonly at: number; readonly bytes: number; digest: string }>();
  const archive = await readTar(unpacked(file, await compressionOf(file), look.signal), (member, at) => {
    const hash = createHash('sha256');
    const parts: Buffer[] = [];
    return {
      data: (part) => {
        hash.update(part);
        if (member.bytes <= LONGEST_TEXT) parts.push(Buffer.from(part));
      },
      end: () => {
        blobs.set(member.name, { at, bytes: member.bytes, digest: hash.digest('hex') });
        if (member.bytes <= LONGEST_TEXT) texts.set(member.name, Buffer.concat(parts).toString('utf8'));
      },
    };
  });
  const defects = [...archive.defects];
  const read = <T>(name: string, schema: z.ZodType<T>): T | undefined => {
    const text = texts.get(name);
    if (text === undefined) defects.push(`there is no ${name}`);
    else {
      try {
        return schema.parse(JSON.parse(text));
      } catch {
        defects.push(`${name} is not what the specification says`);
      }
    }
    return undefined;
  };
  const layout = read('oci-layout', Layout);
  const index = read('index.json', Index);
  const chosen = index?.manifests[0];
  const manifest = chosen === undefined ? undefined : read(blobOf(chosen.digest), Manifest);
  const config = manifest === undefined ? undefined : read(blobOf(manifest.config.digest), Config);
  const referred = [chosen, manifest?.config, ...(manifest?.layers ?? [])].filter((one) => one !== undefined);
  for (const { digest, size } of referred) {
    const there = blobs.get(blobOf(digest));
    if (there === undefined) defects.push(`there is no ${blobOf(digest)}`);
    else if (there.bytes !== size) {
      defects.push(`${blobOf(digest)} has ${String(there.bytes)} bytes, and ${String(size)} are told`);
    }
  }
  const layers: OciLayerFacts[] = [];
  const trees: Awaited<ReturnType<typeof readArchive>>[] = [];
  for (const [n, { mediaType, digest }] of (manifest?.layers ?? []).entries()) {
    const blob = blobs.get(blobOf(digest));
    if (blob === undefined || blob.bytes === 0) continue;
    const layer = join(look.scratch, `layer${String(n)}`);
    const range = { start: blob.at, end: blob.at + blob.bytes - 1, signal: look.signal };
    await pipeline(createReadStream(file, range), createWriteStream(layer));
    const compression = await compressionOf(layer);
    const diffId = look.judged ? await digestOf(unpacked(layer, compression, look.signal)) : '';
    layers.push({ mediaType, compression, diffId: diffId === '' ? '' : `sha256:${diffId}` });
    const tree = await readArchive(layer, look);
    defects.push(...tree.archive.defects.map((defect) => `layer ${String(n + 1)}: ${defect}`));
    trees.push(tree);
  }
  const oci: OciFacts = {
    defects,
    members: archive.members.map(({ name }) => name),
    layoutVersion: layout?.imageLayoutVersion ?? '',
    tag: chosen?.annotations?.['org.opencontainers.image.ref.name'] ?? '',
    architecture: config?.architecture ?? '',
    os: config?.os ?? '',
    command: [...(config?.config?.Entrypoint ?? []), ...(config?.config?.Cmd ?? [])],
    diffIds: config?.rootfs.diff_ids ?? [],
    wrongDigests: [...blobs].flatMap(([name, { digest }]) => {
      const named = /^blobs\/sha256\/(.*)$/.exec(name)?.[1];
      return named === undefined || named === digest ? [] : [name];
    }),
    layers,
  };
  return trees.length === 0 ? { oci } : { oci, ...stacked(trees) };
}

function blobOf(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}

async function digestOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash('sha256');
  for await (const data of stream) hash.update(data);
  return hash.digest('hex');
}

/** Layers one above the other; a name with `.wh.` before it removes what is below (image-spec, layer.md). */
function stacked(
  layers: readonly Awaited<ReturnType<typeof readArchive>>[],
): Required<Pick<ReadOci, 'tree' | 'contents'>> {
  const entries = new Map<string, Entry>();
  const texts = new Map<string, string>();
  const from = new Map<string, Contents>();
  const remove = (path: string, itself: boolean): void => {
    for (const known of [...entries.keys()]) {
      if ((itself && known === path) || known.startsWith(`${path}/`)) {
        for (const map of [entries, texts, from]) map.delete(known);
      }
    }
  };
  for (const { tree, contents } of layers) {
    for (const path of tree.entries.keys()) {
      const [, directory = '', name] = /^(.*\/|)\.wh\.([^/]+)$/.exec(path) ?? [];
      if (name === '.wh..opq') remove(directory.replace(/\/$/, ''), false);
      else if (name !== undefined) remove(`${directory}${name}`, true);
    }
    for (const [path, entry] of tree.entries) {
      if (/(^|\/)\.wh\.[^/]+$/.test(path)) continue;
      entries.set(path, entry);
      from.set(path, contents);
      const text = tree.texts.get(path);
      if (text === undefined) texts.delete(path);
      else texts.set(path, text);
    }
  }
  return {
    tree: { entries, texts },
    contents: async (paths, longest) => {
      const found = new Map<string, string>();
      for (const { contents } of layers) {
        const here = paths.filter((path) => from.get(path) === contents);
        for (const [path, text] of await contents(here, longest)) found.set(path, text);
      }
      return found;
    },
  };
}
