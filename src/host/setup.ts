import { userInfo } from 'node:os';
import { EXIT, UserError } from '../errors.js';
import { output, run } from '../exec/run.js';
import type { Progress } from './bootstrap.js';
import { hasSubordinateIds } from './embedded-probe.js';
import { ENGINES, probeEngine, type EngineName, type EngineProbe } from './engine.js';
import { baseIsMissing } from './image.js';
import type { Host } from './program.js';
import { hostEnvironment, onPath } from './which.js';

/** What `--setup` installs for each engine. */
const PACKAGES: Readonly<Record<EngineName, readonly string[]>> = {
  docker: ['docker.io'],
  podman: ['podman', 'uidmap'],
  embedded: ['mmdebstrap', 'debian-archive-keyring', 'uidmap'],
};

/** What makes the builder's base where no registry can be reached. */
const BOOTSTRAP = ['mmdebstrap', 'debian-archive-keyring'];

/**
 * Installs what this machine lacks for a build, and says what and why before it does: nothing where an engine works,
 * the tools of the embedded engine where there is none, or the engine that was asked for.
 *
 * @throws UserError when something is lacking that only an administrator can decide.
 */
export async function setUp(host: Host, asked: EngineName | undefined, progress: Progress): Promise<void> {
  for (const name of asked === undefined ? ENGINES : [asked]) {
    const { engine, detail } = await probeEngine(host, name);
    if (engine === undefined) continue;
    try {
      progress(`setup: ${name} works (${detail})`);
      if (engine.name === 'embedded' || (await onPath('mmdebstrap', host.env))) return;
      if (await baseIsMissing(host, engine, progress))
        await install(host, BOOTSTRAP, 'to make the base of the builder image', progress);
      return;
    } finally {
      await engine.close();
    }
  }
  const name = asked ?? 'embedded';
  const why =
    asked === undefined ? 'there is no container engine; these tools do without one' : `${name} was asked for`;
  await install(host, PACKAGES[name], why, progress);
  if (name !== 'docker') await giveSubordinateIds(host, progress);
  if (name === 'docker') await startDocker(host, progress);
  const after = await probeEngine(host, name);
  await after.engine?.close();
  if (after.engine === undefined) throw stillLacking(after);
}

function stillLacking(probe: EngineProbe): UserError {
  return new UserError(`setup: everything is installed, but ${probe.name} does not work yet: ${probe.detail}`, {
    exitCode: EXIT.environment,
    ...(probe.fix === undefined ? {} : { hint: probe.fix }),
  });
}

async function install(host: Host, packages: readonly string[], why: string, progress: Progress): Promise<void> {
  const wanted = `sudo apt-get install ${packages.join(' ')}`;
  if (!(await onPath('apt-get', host.env))) {
    throw new UserError(`setup: ${packages.join(', ')} must be installed (${why}), and this is no Debian`, {
      hint: 'install Docker or Podman with the means of your distribution',
      exitCode: EXIT.environment,
    });
  }
  progress(`setup: installing ${packages.join(', ')}: ${why}`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  await asAdministrator(host, ['apt-get', 'update', '-q'], wanted, env, progress);
  await asAdministrator(
    host,
    ['apt-get', 'install', '-y', '-q', '--no-install-recommends', ...packages],
    wanted,
    env,
    progress,
  );
}

/** An ordinary user needs ids of its own for the users of an image; installing uidmap gives none to those who exist. */
async function giveSubordinateIds(host: Host, progress: Progress): Promise<void> {
  if (process.getuid?.() === 0) return;
  const [uids, gids] = await Promise.all([hasSubordinateIds('/etc/subuid'), hasSubordinateIds('/etc/subgid')]);
  if (uids && gids) return;
  const { username } = userInfo();
  progress(`setup: giving ${username} a range of 65536 subordinate ids, for the users inside images`);
  const ranges = ['--add-subuids', '100000-165535', '--add-subgids', '100000-165535'];
  const argv = ['usermod', ...ranges, username];
  await asAdministrator(host, argv, `sudo ${argv.join(' ')}`, {}, progress);
}

async function startDocker(host: Host, progress: Progress): Promise<void> {
  if (!(await onPath('systemctl', host.env))) return;
  const argv = ['systemctl', 'enable', '--now', 'docker'];
  await asAdministrator(host, argv, `sudo ${argv.join(' ')}`, {}, progress).catch(() => undefined);
}

async function asAdministrator(
  host: Host,
  argv: readonly string[],
  byHand: string,
  extra: Readonly<Record<string, string>>,
  progress: Progress,
): Promise<void> {
  const env = { ...hostEnvironment(host.env), ...extra };
  const settings = Object.entries(extra).map(([name, value]) => `${name}=${value}`);
  const prefix = process.getuid?.() === 0 ? [] : ['sudo', '-n', ...settings];
  if (prefix.length > 0) {
    await output(['sudo', '-n', 'true'], { doing: 'asking for root', env }).catch(() => {
      throw new UserError('setup: this takes root, and sudo would ask for a password', {
        hint: byHand,
        exitCode: EXIT.environment,
      });
    });
  }
  await run([...prefix, ...argv], {
    doing: `setup: ${argv.slice(0, 2).join(' ')}`,
    env,
    onLine: (line) => {
      progress(line, true);
    },
    exitCode: EXIT.environment,
    hint: byHand,
  });
}
