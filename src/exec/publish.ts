import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../digest.js';
import { EXIT, UserError } from '../errors.js';
import type { BuildPlan } from '../plan/types.js';
import { formatBytes } from '../units.js';
import { giveToOwnerOf, type Context } from './context.js';
import { framePath, type FrameList } from './frames.js';
import { withLock } from './lock.js';
import { imageName, linkName, proxmoxName, ROOTFS, stampOf, TARBALL } from './names.js';
import type { Inventory } from './stages.js';
import type { BuildSettings } from './types.js';

/** One file that a user gets. */
export interface Published {
  /** Relative to the output directory. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Facts for the manifest; nothing in it depends on when or where the build ran. */
export interface ManifestFacts {
  readonly plan: BuildPlan;
  readonly inventory: Inventory;
  readonly epoch: number;
  readonly digests: Readonly<Record<string, string>>;
  readonly archive: readonly { readonly uri: string; readonly sha256: string }[];
  readonly tools: Readonly<Record<string, string>>;
}

const MANIFEST_SUFFIX = '.manifest.json';

/** Names of directories that hold what is being written. */
const ASIDE = '.imgbuild-';

/**
 * Writes a root filesystem tarball, its manifest and SHA256SUMS, and moves the stable link.
 *
 * Everything is written and flushed in a directory of its own first; a name appears only with its whole content behind it.
 * One build at a time does so in a directory, and the next removes what one that was killed has left.
 *
 * @throws UserError (exit 3) when the output directory cannot be written or is too full.
 */
export async function publishTarball(context: Context, list: FrameList, facts: ManifestFacts): Promise<Published[]> {
  const directory = join(context.settings.outputDir, context.profile);
  return await guarded(directory, async () => {
    // Not recursive: Node (20) then reports a read-only filesystem as ENOENT.
    if (!existsSync(directory)) mkdirSync(directory);
    giveToOwnerOf(context.settings.outputDir, directory);
    return await withLock(directory, () => {
      for (const name of readdirSync(directory)) {
        if (name.startsWith(ASIDE)) rmSync(join(directory, name), { recursive: true, force: true });
      }
      requireSpace(context, list, directory);
      return Promise.resolve(publishLocked(context, list, facts, directory));
    });
  });
}

function publishLocked(context: Context, list: FrameList, facts: ManifestFacts, directory: string): Published[] {
  const { settings, profile } = context;
  const aside = mkdtempSync(join(directory, ASIDE));
  try {
    giveToOwnerOf(settings.outputDir, aside);
    const image = join(aside, 'image');
    const { bytes, hash } = concatenate(context, list, image);
    const name = freeName(facts, settings, directory);
    const text = manifestText(facts, name, bytes, hash);
    const manifest = join(aside, 'manifest');
    writeFlushed(manifest, text);
    giveToOwnerOf(settings.outputDir, image, manifest);
    // The image first: a manifest says that it is there.
    renameSync(image, join(directory, name));
    renameSync(manifest, join(directory, `${name}${MANIFEST_SUFFIX}`));
    relink(settings.outputDir, directory, aside, linkName(profile, ROOTFS, TARBALL), name);
    prune(directory, settings.keep, name);
    writeSums(directory, aside, settings.outputDir);
    flushDirectory(directory);
    rmSync(join(directory, `${profile}_failed.log`), { force: true });
    return [
      { path: join(profile, name), bytes, sha256: hash },
      { path: join(profile, `${name}${MANIFEST_SUFFIX}`), bytes: Buffer.byteLength(text), sha256: sha256(text) },
    ];
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

/**
 * A name that is not taken: of two builds in one second the later gets the next. Where the caller has fixed the moment, or
 * the name has no time of day (Proxmox's), a build replaces the one before.
 */
function freeName(facts: ManifestFacts, settings: BuildSettings, directory: string): string {
  const stamp = stampOf(settings, new Date());
  const replace = settings.nameStyle === 'proxmox' || settings.sourceDateEpoch !== undefined;
  for (let seconds = stamp.seconds; ; seconds++) {
    const name = fileName(facts, settings.nameStyle, { ...stamp, seconds });
    if (replace || !existsSync(join(directory, name))) return name;
  }
}

function fileName(
  facts: ManifestFacts,
  style: 'imgbuild' | 'proxmox',
  stamp: { readonly day: string; readonly seconds: number },
): string {
  return style === 'proxmox'
    ? proxmoxName(facts.plan, facts.inventory.debianVersion, stamp, TARBALL)
    : imageName(facts.plan.profile, ROOTFS, stamp, TARBALL);
}

function concatenate(context: Context, list: FrameList, path: string): { bytes: number; hash: string } {
  const hash = createHash('sha256');
  const out = openSync(path, 'wx', 0o644);
  const buffer = Buffer.alloc(1 << 20);
  let bytes = 0;
  try {
    for (const name of list.frames) {
      const fd = openSync(framePath(context.settings.cacheDir, name), 'r');
      try {
        for (let n = readSync(fd, buffer); n > 0; n = readSync(fd, buffer)) {
          const part = buffer.subarray(0, n);
          hash.update(part);
          for (let at = 0; at < n;) at += writeSync(out, part, at);
          bytes += n;
        }
      } finally {
        closeSync(fd);
      }
    }
    fsyncSync(out);
  } finally {
    closeSync(out);
  }
  return { bytes, hash: hash.digest('hex') };
}

function manifestText(facts: ManifestFacts, name: string, bytes: number, hash: string): string {
  const { plan } = facts;
  const manifest = {
    imgbuild: 1,
    profile: plan.profile,
    suite: plan.suite,
    architecture: plan.architecture,
    debianVersion: facts.inventory.debianVersion,
    sourceDateEpoch: facts.epoch,
    files: [{ name, bytes, sha256: hash }],
    collections: plan.collections,
    options: plan.options,
    secretsGiven: plan.secrets,
    digests: facts.digests,
    archive: facts.archive,
    tools: facts.tools,
    packages: facts.inventory.packages,
  };
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

function writeFlushed(path: string, text: string): void {
  const fd = openSync(path, 'w', 0o644);
  try {
    writeFileSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function flushDirectory(directory: string): void {
  const fd = openSync(directory, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function relink(outputDir: string, directory: string, aside: string, link: string, name: string): void {
  const fresh = join(aside, 'link');
  symlinkSync(name, fresh);
  giveToOwnerOf(outputDir, fresh);
  renameSync(fresh, join(directory, link));
}

interface Kept {
  readonly image: string;
  readonly sha256: string;
  readonly time: number;
}

/** The images of this directory that have a manifest, newest first. */
function published(directory: string): Kept[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith(MANIFEST_SUFFIX))
    .map((name) => {
      const path = join(directory, name);
      const files = (JSON.parse(readFileSync(path, 'utf8')) as { files: { name: string; sha256: string }[] }).files;
      return { image: files[0]?.name ?? '', sha256: files[0]?.sha256 ?? '', time: statSync(path).mtimeMs };
    })
    .filter((kept) => kept.image !== '' && !kept.image.includes('/') && existsSync(join(directory, kept.image)))
    .sort((a, b) => b.time - a.time || (a.image < b.image ? 1 : -1));
}

/** Removes all but the newest `keep` images, and never the one just made. */
function prune(directory: string, keep: number, current: string): void {
  if (keep === 0) return;
  const others = published(directory).filter(({ image }) => image !== current);
  for (const { image } of others.slice(keep - 1)) {
    rmSync(join(directory, image), { force: true });
    rmSync(join(directory, `${image}${MANIFEST_SUFFIX}`), { force: true });
  }
}

/** SHA256SUMS of all images and manifests that are there, in the form that `sha256sum --check` reads. */
function writeSums(directory: string, aside: string, outputDir: string): void {
  const lines = published(directory).flatMap(({ image, sha256: hash }) => {
    const manifest = `${image}${MANIFEST_SUFFIX}`;
    return [`${hash}  ${image}`, `${sha256(readFileSync(join(directory, manifest)))}  ${manifest}`];
  });
  const path = join(aside, 'sums');
  writeFlushed(path, `${lines.sort((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1)).join('\n')}\n`);
  giveToOwnerOf(outputDir, path);
  renameSync(path, join(directory, 'SHA256SUMS'));
}

function requireSpace(context: Context, list: FrameList, directory: string): void {
  const need = list.frames.reduce((sum, name) => sum + statSync(framePath(context.settings.cacheDir, name)).size, 0);
  const stat = statfsSync(directory);
  const free = stat.bavail * stat.bsize;
  if (free < need + (1 << 20)) {
    throw new UserError(`the output directory has ${formatBytes(free)} free, the image needs ${formatBytes(need)}`, {
      exitCode: EXIT.environment,
      hint: 'make room, or choose another place with --output DIR',
    });
  }
}

/** What the system refuses in the output directory, in the user's words. */
async function guarded<T>(directory: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const reason =
      code === 'EACCES' || code === 'EPERM'
        ? 'may not be written to'
        : code === 'EROFS'
          ? 'is on a read-only filesystem'
          : code === 'ENOTDIR' || code === 'EEXIST'
            ? 'is not a directory'
            : code === 'ENOSPC' || code === 'EDQUOT'
              ? 'is full'
              : undefined;
    if (reason === undefined) throw error;
    throw new UserError(`the output directory ${reason}: ${directory}`, {
      exitCode: EXIT.environment,
      hint: 'choose another place with --output DIR; the finished stages are in the cache',
      cause: error,
    });
  }
}
