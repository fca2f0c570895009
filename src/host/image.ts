import path from 'node:path';
import { CommandError, EXIT, UserError } from '../errors.js';
import { bootstrapTar, type Progress } from './bootstrap.js';
import { withBuildContext } from './context.js';
import { ensureEmbedded } from './embedded.js';
import type { ContainerEngine, Engine } from './engine.js';
import { withLock } from './lock.js';
import { nonEmpty, type Host } from './program.js';
import { readRecipe, RECIPE_FILES, RECIPE_LABEL, type Recipe } from './recipe.js';

/** A builder that can be launched. */
export type Builder =
  | { readonly kind: 'image'; readonly engine: ContainerEngine; readonly image: string; readonly digest: string }
  | { readonly kind: 'root'; readonly root: string; readonly asRoot: boolean; readonly digest: string };

export interface BuilderOptions {
  /** Make it anew even when it is there. */
  readonly rebuild?: boolean;
  /** Image to build on instead of the Containerfile's. */
  readonly base?: string;
  /** Image to pull instead of building one; IMGBUILD_IMAGE. */
  readonly image?: string;
  readonly aptProxy?: string;
  readonly signal?: AbortSignal | undefined;
}

interface EngineMessage {
  readonly stream?: string;
  readonly status?: string;
  readonly error?: string;
}

/** Makes sure that the engine has a builder made from this program's recipe. */
export async function ensureBuilder(
  host: Host,
  engine: Engine,
  options: BuilderOptions,
  progress: Progress,
): Promise<Builder> {
  const recipe = await readRecipe(host.program.dir);
  if (engine.name === 'embedded') {
    const root = await ensureEmbedded(
      host,
      recipe,
      { ...options, rebuild: options.rebuild ?? false, asRoot: engine.asRoot },
      progress,
    );
    return { kind: 'root', root, asRoot: engine.asRoot, digest: recipe.digest };
  }
  const wanted = options.image ?? host.env['IMGBUILD_IMAGE'];
  if (nonEmpty(wanted)) return await publishedImage(engine, wanted, recipe, options, progress);
  const found = options.rebuild === true ? undefined : await localImage(engine, recipe);
  if (found !== undefined) return found;
  const lock = path.join(host.cacheDir, 'builder/image.lock');
  const wait = (): void => {
    progress('waiting for another imgbuild that makes the builder image');
  };
  return await withLock(host.env, lock, wait, async () => {
    const meanwhile = options.rebuild === true ? undefined : await localImage(engine, recipe);
    return meanwhile ?? (await buildImage(host, engine, recipe, options, progress));
  });
}

/** The local image of a recipe, when there is one. */
export async function localImage(engine: ContainerEngine, recipe: Recipe): Promise<Builder | undefined> {
  const label = await imageLabel(engine, recipe.image);
  if (label !== recipe.digest) return undefined;
  return { kind: 'image', engine, image: recipe.image, digest: recipe.digest };
}

/** The recipe label of an image; undefined when there is no such image, '' when it has no label. */
export async function imageLabel(engine: ContainerEngine, name: string): Promise<string | undefined> {
  try {
    // An image without labels has null there, whatever the types say.
    const info = (await engine.client.getImage(name).inspect()) as {
      Config: { Labels?: Record<string, string> | null };
    };
    return info.Config.Labels?.[RECIPE_LABEL] ?? '';
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

async function publishedImage(
  engine: ContainerEngine,
  name: string,
  recipe: Recipe,
  options: BuilderOptions,
  progress: Progress,
): Promise<Builder> {
  let label = options.rebuild === true ? undefined : await imageLabel(engine, name);
  if (label !== recipe.digest) {
    progress(`pulling ${name}`);
    try {
      await follow(engine, `pulling ${name}`, await engine.client.pull(name), progress);
      label = await imageLabel(engine, name);
    } catch (error) {
      // An image that is here and was made from another recipe still builds: the program in it is replaced by ours.
      if (label === undefined) {
        throw new UserError(`The builder image ${name} is not here and cannot be pulled: ${messageOf(error)}`, {
          hint: 'unset IMGBUILD_IMAGE and imgbuild makes an image of its own',
          exitCode: EXIT.environment,
        });
      }
    }
  }
  if (label === undefined || label === '') {
    throw new UserError(`${name} is not a builder image: it has no label ${RECIPE_LABEL}`, {
      hint: 'unset IMGBUILD_IMAGE and imgbuild makes an image of its own',
      exitCode: EXIT.environment,
    });
  }
  if (label !== recipe.digest) progress(`${name} was made from another recipe than this version's; using it as told`);
  return { kind: 'image', engine, image: name, digest: label };
}

async function buildImage(
  host: Host,
  engine: ContainerEngine,
  recipe: Recipe,
  options: BuilderOptions,
  progress: Progress,
): Promise<Builder> {
  const base = options.base ?? (await ensureBase(host, engine, recipe, options, progress));
  progress(`building the builder image ${recipe.image} from ${base}, once`);
  const proxy = options.aptProxy ?? host.env['http_proxy'];
  await withBuildContext(host.program, async (dir) => {
    const stream = await engine.client.buildImage(
      { context: dir, src: ['.'] },
      {
        t: recipe.image,
        dockerfile: RECIPE_FILES[0],
        buildargs: { BASE: base, RECIPE: recipe.digest, ...(nonEmpty(proxy) ? { http_proxy: proxy } : {}) },
        nocache: options.rebuild ?? false,
        rm: true,
        // Without it a failed step leaves its container behind.
        forcerm: true,
        ...(options.signal === undefined ? {} : { abortSignal: options.signal }),
      },
    );
    await follow(engine, 'building the builder image', stream, progress);
  });
  // A name that stays, for compose.yaml and for people.
  await engine.client.getImage(recipe.image).tag({ repo: 'imgbuild-builder', tag: 'latest' });
  return { kind: 'image', engine, image: recipe.image, digest: recipe.digest };
}

/** Has the base image: what is here, what a registry gives, or one that is bootstrapped from the Debian archive. */
async function ensureBase(
  host: Host,
  engine: ContainerEngine,
  recipe: Recipe,
  options: BuilderOptions,
  progress: Progress,
): Promise<string> {
  const refused = await pullBase(engine, recipe, progress);
  if (refused === undefined) return recipe.base;
  progress(`${recipe.base} cannot be pulled (${refused}); bootstrapping it from the Debian archive`);
  const name = bootstrapped(recipe);
  if (options.rebuild !== true && (await imageLabel(engine, name)) !== undefined) return name;
  const asRoot = process.getuid?.() === 0;
  const { tar, done } = await bootstrapTar(host, recipe, { ...options, packages: [], asRoot }, progress);
  // The tag is part of the name: Podman (4.3) ignores Docker's separate parameter.
  const imported = engine.client.importImage(tar, { repo: name });
  // A tar that ends early can look complete to the engine: mmdebstrap's own verdict counts.
  await Promise.all([
    done,
    imported.then(async (stream) => {
      await follow(engine, 'importing the base image', stream, progress);
    }),
  ]);
  return name;
}

/** Name of a bootstrapped base: not that of the official image, which it is not. */
function bootstrapped(recipe: Recipe): string {
  return `imgbuild-base:${recipe.suite}`;
}

/** Has the official base image here; tells why not when it is not to be had. */
async function pullBase(engine: ContainerEngine, recipe: Recipe, progress: Progress): Promise<string | undefined> {
  if ((await imageLabel(engine, recipe.base)) !== undefined) return undefined;
  try {
    progress(`pulling ${recipe.base}`);
    await follow(engine, `pulling ${recipe.base}`, await engine.client.pull(recipe.base), progress);
    return undefined;
  } catch (error) {
    return error instanceof CommandError ? error.exit : messageOf(error);
  }
}

/** Whether the builder image is still to be made and has no base, so that one must be bootstrapped. */
export async function baseIsMissing(host: Host, engine: ContainerEngine, progress: Progress): Promise<boolean> {
  if (nonEmpty(host.env['IMGBUILD_IMAGE'])) return false;
  const recipe = await readRecipe(host.program.dir);
  if ((await localImage(engine, recipe)) !== undefined) return false;
  if ((await imageLabel(engine, bootstrapped(recipe))) !== undefined) return false;
  return (await pullBase(engine, recipe, progress)) !== undefined;
}

/** Passes on what the engine says; an error is a message like any other there, and the stream ends well all the same. */
function follow(
  engine: ContainerEngine,
  doing: string,
  stream: NodeJS.ReadableStream,
  progress: Progress,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const tail: string[] = [];
    let failed: string | undefined;
    const onMessage = (message: EngineMessage): void => {
      if (message.error !== undefined) failed = message.error;
      for (const line of (message.stream ?? message.status ?? '').split('\n')) {
        if (line.trim() === '') continue;
        tail.push(line);
        if (tail.length > 20) tail.shift();
        progress(line, true);
      }
    };
    const onFinished = (error: Error | null): void => {
      const message = failed ?? error?.message;
      if (message === undefined) resolve();
      else reject(engineFailed(engine, doing, message, tail));
    };
    engine.client.modem.followProgress(stream, onFinished, onMessage);
  });
}

function engineFailed(engine: ContainerEngine, doing: string, message: string, tail: readonly string[]): CommandError {
  // Engines repeat the whole command of a failed step, which fills the screen; its exit status is what counts.
  const status = /(exit status|non-zero code:) (\d+)/.exec(message)?.[2];
  return new CommandError({
    doing,
    argv: [engine.name],
    exit: status === undefined ? message.trim() : `exit status ${status}`,
    tail: tail.join('\n'),
    exitCode: EXIT.environment,
  });
}

/** HTTP status of an error of the engine. */
export function statusOf(error: unknown): number | undefined {
  return (error as { statusCode?: number }).statusCode;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
