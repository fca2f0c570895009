import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { FORMAT_NAMES, FORMAT_SOURCES, isDiskFormat, type SystemFormat } from '../config/formats.js';
import { DISK_SECRET } from '../config/types.js';
import { SUITES } from '../config/suites.js';
import { handover, type PublishedName } from '../output/handover.js';
import { digestOf } from '../digest.js';
import type { BuildPlan } from '../plan/types.js';
import type { Release } from './archive.js';
import { assembleDisks } from './assemble.js';
import type { Context } from './context.js';
import type { FinishedTree } from './finished.js';
import { artefactsOf } from './formats/artefacts.js';
import type { DiskFile } from './formats/job.js';
import { systemArtefact } from './formats/systems.js';
import type { TreeJob } from './formats/tree-job.js';
import type { Artefact, NewSystemFiles } from './formats/types.js';
import { CACHE_LEVEL, packTree, unpackTree } from './frames.js';
import type { Keys } from './keys.js';
import { publish } from './publish.js';
import { tarball } from './publish-tarball.js';
import { readTree } from './read-tree.js';
import { requireSize } from './size-limit.js';
import { findStage, storeStage, type StageEntry } from './stages.js';
import { timed } from './timed.js';
import { toolVersions } from './tools.js';
import type { BuildRequest, BuildResult } from './types.js';

/** What a build has published. */
interface Made extends Pick<BuildResult, 'files'> {
  /** Of the tree's files; known when the profile limits them. */
  readonly treeBytes: number | undefined;
}

/** Makes every format of a plan from the finished tree, through its disks when some are made from these, and publishes them. */
export async function makeOutputs(
  context: Context,
  { plan, secrets }: Pick<BuildRequest['builds'][number], 'plan' | 'secrets'>,
  keys: Keys,
  tree: FinishedTree,
  archive: { readonly releases: readonly Pick<Release, 'uri' | 'sha256'>[] },
): Promise<Made> {
  const wanted = FORMAT_NAMES.filter((name) => plan.outputs.includes(name));
  const ofDisk = wanted.filter(isDiskFormat);
  const ofSystem = wanted.filter((name) => !isDiskFormat(name));
  const disks = !needsDisks(plan)
    ? []
    : await timed(context, 'assemble', () =>
        assembleDisks(context, plan.disks, tree, {
          suite: plan.suite,
          architecture: plan.architecture,
          epoch: tree.epoch,
          passphrases: passphrasesOf(secrets),
        }),
      ).catch(async (error: unknown) => {
        // What was done so far is there when the disks have been mended.
        await Promise.allSettled([tree.saved()]);
        throw error;
      });
  return await timed(context, 'output', async () => {
    const entry = await tree.saved();
    const treeBytes = await requireSize(context, plan, entry);
    const files = disks.map(({ plan: disk, path }) => ({ name: disk.name, path, bytes: disk.bytes }));
    const artefacts: Artefact<NewSystemFiles>[] = [
      ...(await systemArtefacts(context, plan, keys, entry, ofSystem, files[0])),
      ...artefactsOf(ofDisk, {
        disks: files,
        machine: plan.machine,
        options: plan.options,
        epoch: entry.epoch,
        scratch: context.work,
        companions: true,
        signal: context.signal,
      }),
    ];
    const published = await publish(context, artefacts, {
      plan,
      inventory: entry.inventory ?? { debianVersion: '', packages: [] },
      epoch: entry.epoch,
      digests: { ...keys, builder: context.settings.builderDigest },
      archive: archive.releases.map(({ uri, sha256 }) => ({ uri, sha256 })),
      tools: await toolVersions(context),
      handover: (names) => handoverOf(plan, names),
    });
    return { files: published, treeBytes };
  });
}

/** What to write for formats that are made from the tree, or from the disk that it is on. */
async function systemArtefacts(
  context: Context,
  plan: BuildPlan,
  keys: Keys,
  entry: StageEntry,
  formats: readonly SystemFormat[],
  disk: DiskFile | undefined,
): Promise<Artefact<NewSystemFiles>[]> {
  const { debianVersion, packages } = entry.inventory ?? { debianVersion: '', packages: [] };
  const job: TreeJob = {
    profile: plan.profile,
    suite: plan.suite,
    architecture: plan.architecture,
    debianVersion,
    packages: packages.map(({ name }) => name),
    options: plan.options,
    epoch: entry.epoch,
    openTar: () => readTree(context, entry),
    bytes: entry.bytes,
    digest: digestOf(entry.frames),
    disk,
    scratch: context.work,
    signal: context.signal,
    log: context.log,
  };
  const artefacts: Artefact<NewSystemFiles>[] = [];
  for (const format of formats) {
    artefacts.push(
      format === 'tar.zst'
        ? tarball(context, await atLevel(context, plan, keys, entry))
        : systemArtefact(format, job, (directory) => unpackTree(context, entry, directory)),
    );
  }
  return artefacts;
}

/** Passphrases by the names of the encrypted layers. */
function passphrasesOf(secrets: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(secrets)
      .filter(([name]) => name.startsWith(DISK_SECRET))
      .map(([name, value]) => [name.slice(DISK_SECRET.length), value]),
  );
}

function handoverOf(plan: BuildPlan, files: readonly PublishedName[]): string {
  const { profile, architecture, machine } = plan;
  const version = Object.entries(SUITES).find(([name]) => name === plan.suite)?.[1].version;
  const cloudInit = plan.collections.includes('cloud-init');
  return handover({ profile, architecture, debian: Number(version) || 0, machine, cloudInit, files });
}

/** Whether a plan has disks made of its tree. */
export function needsDisks({ disks, outputs }: Pick<BuildPlan, 'disks' | 'outputs'>): boolean {
  return disks.length > 0 && FORMAT_NAMES.some((name) => FORMAT_SOURCES[name] !== 'rootfs' && outputs.includes(name));
}

/** The tree with the compression that is asked for: the cache's own frames, unless it is another. */
async function atLevel(context: Context, plan: BuildPlan, keys: Keys, entry: StageEntry): Promise<StageEntry> {
  const level = Number(plan.options['output.zstdLevel'] ?? CACHE_LEVEL);
  if (level === CACHE_LEVEL) return entry;
  const cached = findStage(context.settings.cacheDir, keys.output);
  if (cached !== undefined) return cached;
  const root = join(context.work, 'root');
  if (!existsSync(root)) await unpackTree(context, entry, root);
  const { packed } = await packTree(context, root, entry.epoch, level);
  const list: StageEntry = { ...entry, ...(await packed), stage: 'output' };
  storeStage(context.settings.cacheDir, keys.output, list);
  return list;
}
