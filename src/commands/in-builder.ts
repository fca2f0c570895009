import { realpathSync } from 'node:fs';
import path from 'node:path';
import { EXIT, UserError } from '../errors.js';
import { engineName } from '../host/engine.js';
import { ensureBuilder } from '../host/image.js';
import { runBuilder } from '../host/launch.js';
import { chooseWork, workFacts } from '../host/memory.js';
import { INSIDE, type Mount } from '../host/mounts.js';
import { hostOf } from '../host/program.js';
import { readyEngine } from '../host/ready.js';
import type { Session } from '../host/session.js';
import { cacheDirectory, type Context } from './common.js';

/** A verb of this program that needs the builder's tools. */
export interface BuilderJob extends Partial<
  Pick<Session, 'terminal' | 'input' | 'stream' | 'devices' | 'ports' | 'onOutput' | 'onError' | 'signal' | 'env'>
> {
  readonly argv: readonly string[];
  /** The cache, the program and the work directory are there anyway. */
  readonly mounts?: readonly Mount[];
  /** What --engine said. */
  readonly engine: string | undefined;
  /** Bytes that the work directory has to hold; what a template takes when nothing is said. */
  readonly room?: number;
}

/**
 * Runs a verb in the builder: the command line is the same program there.
 *
 * @returns its exit status.
 */
export async function runInBuilder(context: Context, job: BuilderJob): Promise<number> {
  const host = hostOf(context.programDir, cacheDirectory());
  const { engine, builder } = await readyEngine(
    host,
    engineName(job.engine ?? host.env['IMGBUILD_ENGINE']),
    (candidate) =>
      ensureBuilder(host, candidate, {}, (text) => {
        context.log.info(text);
      }),
    (text) => {
      context.log.warn(text);
    },
  );
  try {
    const work = chooseWork('auto', await workFacts(host.cacheDir), path.join(host.cacheDir, 'work'), job.room);
    const { terminal, input, signal, env, stream, devices, ports } = job;
    return await runBuilder(
      host,
      job.argv,
      [{ source: host.cacheDir, target: INSIDE.cache, readonly: false }, ...(job.mounts ?? [])],
      {
        builder,
        work,
        signal,
        env: { TERM: host.env['TERM'] ?? 'dumb', ...env },
        ...(stream === undefined ? {} : { stream }),
        ...(devices === undefined ? {} : { devices }),
        ...(ports === undefined ? {} : { ports }),
      },
      {
        ...(terminal === undefined ? {} : { terminal }),
        ...(input === undefined ? {} : { input }),
        onOutput: job.onOutput ?? ((line) => process.stdout.write(`${line}\n`)),
        onError: job.onError ?? ((line) => process.stderr.write(`${line}\n`)),
      },
    );
  } finally {
    await engine.close();
  }
}

/** Files of the user with their paths in the builder, and the mounts that bring them there. */
export interface PlacedFiles {
  readonly mounts: Mount[];
  /** In the order of the files. */
  readonly inside: readonly string[];
  /** What the builder says, with the names that the user knows. */
  readonly known: (text: string) => string;
}

/**
 * Shows the builder files of the user: their directories, read-only. Links are followed first, for what they point to may
 * lie in a directory that the builder does not see.
 *
 * @throws UserError when a file is not there.
 */
export function placeFiles(files: readonly string[]): PlacedFiles {
  const targets = new Map<string, string>();
  const inside = files.map((file) => {
    const real = realPath(file);
    const directory = path.dirname(real);
    const target = targets.get(directory) ?? `${INSIDE.sources}/files${String(targets.size)}`;
    targets.set(directory, target);
    return path.join(target, path.basename(real));
  });
  const mounts = [...targets].map(([source, target]) => ({ source, target, readonly: true }));
  const known = (text: string): string =>
    inside.reduce((said, name, n) => said.replaceAll(name, files[n] ?? name), text);
  return { mounts, inside, known };
}

function realPath(file: string): string {
  try {
    return realpathSync(file);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new UserError(`${file} ${missing ? 'is not there' : 'cannot be read'}`, {
      exitCode: EXIT.usage,
      cause: error,
    });
  }
}
