import type Dockerode from 'dockerode';
import { embeddedBuilders, removeEmbedded } from './embedded.js';
import type { ContainerEngine, Engine } from './engine.js';
import type { Host } from './program.js';
import { readRecipe, RECIPE_LABEL, type Recipe } from './recipe.js';

/** A builder that an engine has. */
export interface BuilderEntry {
  /** Name of the image, or directory of the root filesystem. */
  readonly name: string;
  /** Made from this version's recipe, from another one, or only what builders are made from. */
  readonly state: 'current' | 'old' | 'base';
  readonly bytes?: number;
  readonly created?: string;
}

/** The builders of an engine, of whatever recipe. */
export async function listBuilders(host: Host, engine: Engine): Promise<readonly BuilderEntry[]> {
  const recipe = await readRecipe(host.program.dir);
  if (engine.name === 'embedded') {
    const dirs = await embeddedBuilders(host);
    return dirs.map((name) => ({ name, state: name.includes(`/${recipe.digest.slice(0, 12)}-`) ? 'current' : 'old' }));
  }
  return (await images(engine)).map((info) => ({
    name: nameOf(info),
    state: stateOf(info, recipe),
    bytes: info.Size,
    created: new Date(info.Created * 1000).toISOString(),
  }));
}

/** Removes the builders of an engine, and the base that was bootstrapped for them; returns their names. */
export async function removeBuilders(host: Host, engine: Engine): Promise<readonly string[]> {
  if (engine.name === 'embedded') return await removeEmbedded(host, engine.asRoot);
  const found = await images(engine);
  for (const { Id } of found) await engine.client.getImage(Id).remove({ force: true });
  return found.map(nameOf);
}

async function images(engine: ContainerEngine): Promise<readonly Dockerode.ImageInfo[]> {
  const builders = await engine.client.listImages({ filters: { label: [RECIPE_LABEL] } });
  const bases = await engine.client.listImages({ filters: { reference: ['imgbuild-base', '*/*/imgbuild-base'] } });
  return [...builders, ...bases];
}

function stateOf(info: Dockerode.ImageInfo, recipe: Recipe): BuilderEntry['state'] {
  const label = labelsOf(info)[RECIPE_LABEL];
  if (label === undefined) return 'base';
  return label === recipe.digest ? 'current' : 'old';
}

function nameOf(info: Dockerode.ImageInfo): string {
  // Both lists can be null for an image that has lost its name, whatever the types say.
  const tags = info.RepoTags as readonly string[] | null | undefined;
  return tags?.[0] ?? info.Id;
}

function labelsOf(info: Dockerode.ImageInfo): Readonly<Record<string, string>> {
  const { Labels } = info as { readonly Labels?: Readonly<Record<string, string>> | null };
  return Labels ?? {};
}
