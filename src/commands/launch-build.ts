import { cpus } from 'node:os';
import path from 'node:path';
import { encryptedBytes } from '../disk/room.js';
import { builderIdentity } from '../exec/identity.js';
import type { BuildEvent, BuildSettings } from '../exec/types.js';
import { engineName, type Engine } from '../host/engine.js';
import { ensureBuilder, type Builder } from '../host/image.js';
import { launch } from '../host/launch.js';
import { chooseWork, MACHINE_NEED, WORK_NEED, workFacts, type WorkMode } from '../host/memory.js';
import { INSIDE, type Mount } from '../host/mounts.js';
import type { Host } from '../host/program.js';
import { readyEngine } from '../host/ready.js';
import { setUp } from '../host/setup.js';
import { interruption } from '../interrupt.js';
import type { BuildPlan } from '../plan/types.js';
import type { Context } from './common.js';
import { requestOf, type Prepared } from './request.js';

interface LaunchBuild {
  readonly context: Context;
  readonly host: Host;
  /** Settings with the paths of this machine. */
  readonly outside: BuildSettings;
  readonly prepared: readonly Prepared[];
  readonly options: {
    readonly engine?: string;
    readonly work: WorkMode;
    readonly workSize?: number;
    readonly privileged?: true;
    readonly setup?: true;
    readonly aptProxy?: string;
  };
  readonly onEvent: (event: BuildEvent) => void;
}

/** Finds an engine, makes sure of its builder, and has it build; returns the builder's exit status. */
export async function launchBuild(build: LaunchBuild): Promise<number> {
  const { host, options, onEvent, outside, prepared } = build;
  const signal = interruption();
  const made = { something: false };
  const say = (text: string, detail = false): void => {
    made.something ||= detail;
    onEvent(detail ? { type: 'progress', profile: 'builder', text } : { type: 'log', level: 'info', text });
  };
  const started = Date.now();
  const asked = engineName(options.engine ?? host.env['IMGBUILD_ENGINE']);
  if (options.setup === true) await setUp(host, asked, say);
  const aptProxy = options.aptProxy === undefined ? {} : { aptProxy: options.aptProxy };
  const makeBuilder = async (candidate: Engine): Promise<Builder> => {
    const ready = await ensureBuilder(host, candidate, { ...aptProxy, signal }, say);
    if (made.something) {
      const seconds = (Date.now() - started) / 1000;
      onEvent({ type: 'stage', profile: 'builder', stage: candidate.name, state: 'done', seconds });
    }
    return ready;
  };
  const { engine, builder } = await readyEngine(host, asked, makeBuilder, (text) => {
    build.context.log.warn(text);
  });
  try {
    const workDir = path.join(host.cacheDir, 'work');
    const need = options.workSize ?? Math.max(...prepared.map(({ plan }) => needOf(plan)));
    const atOnce = Math.min(prepared.length, cpus().length);
    const chosen = chooseWork(options.work, await workFacts(host.cacheDir), workDir, need, atOnce);
    const work =
      chosen.kind === 'tmpfs' && options.workSize !== undefined ? { ...chosen, bytes: options.workSize } : chosen;
    if (work.kind === 'disk') say(`working on disk: ${work.why}`);
    const mounts: Mount[] = [
      { source: outside.cacheDir, target: INSIDE.cache, readonly: false },
      { source: outside.outputDir, target: INSIDE.output, readonly: false },
    ];
    const places = new Map<string, string>();
    const place = (root: string, directory: string): string => {
      const known = places.get(directory);
      if (known !== undefined) return known;
      const target = `${INSIDE.sources}/${root}`;
      places.set(directory, target);
      mounts.push({ source: directory, target, readonly: true });
      return target;
    };
    const inside: BuildSettings = {
      ...outside,
      cacheDir: INSIDE.cache,
      outputDir: INSIDE.output,
      workDir: INSIDE.work,
      builderDigest: builderIdentity(builder.digest),
    };
    const request = requestOf(prepared, inside, place);
    const privileged = options.privileged === undefined ? {} : { privileged: true };
    return await launch(host, request, mounts, { builder, work, signal, ...privileged }, onEvent);
  } finally {
    await engine.close();
  }
}

/** What one build takes in its work directory: encrypted storage is as large as its volumes, whatever is in them. */
function needOf({ disks }: BuildPlan): number {
  return disks.length > 0 ? MACHINE_NEED + encryptedBytes(disks) : WORK_NEED;
}
