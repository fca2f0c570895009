import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { output } from '../exec/run.js';
import { EXIT } from '../errors.js';
import { embeddedRoot, USER_NAMESPACE } from './embedded.js';
import type { EngineProbe } from './engine.js';
import type { Host } from './program.js';
import { readRecipe } from './recipe.js';
import { hostEnvironment, onPath } from './which.js';

/** Settings by which the kernel keeps ordinary users from making namespaces. */
export const USERNS_SYSCTLS = [
  { file: '/proc/sys/user/max_user_namespaces', bad: '0', good: 'user.max_user_namespaces=15000' },
  { file: '/proc/sys/kernel/unprivileged_userns_clone', bad: '0', good: 'kernel.unprivileged_userns_clone=1' },
  {
    file: '/proc/sys/kernel/apparmor_restrict_unprivileged_userns',
    bad: '1',
    good: 'kernel.apparmor_restrict_unprivileged_userns=0',
  },
] as const;

/** Whether the builder can run here without any engine. */
export async function probeEmbedded(host: Host): Promise<EngineProbe> {
  const name = 'embedded';
  if (process.platform !== 'linux') {
    return { name, state: 'absent', detail: 'the embedded engine needs Linux', fix: 'install Docker or Podman' };
  }
  const asRoot = process.getuid?.() === 0;
  const refused = await namespacesRefused(asRoot, host.env);
  if (refused !== undefined) return { name, state: 'unusable', ...refused };
  const recipe = await readRecipe(host.program.dir);
  if (!existsSync(embeddedRoot(host, recipe.digest)) && !(await onPath('mmdebstrap', host.env))) {
    const packages = asRoot ? 'mmdebstrap debian-archive-keyring' : 'mmdebstrap debian-archive-keyring uidmap';
    return {
      name,
      state: 'absent',
      detail: 'the embedded builder is not there, and mmdebstrap, which makes it, is not installed',
      fix: `sudo apt-get install ${packages}`,
    };
  }
  const detail = asRoot ? 'private namespaces, as root' : 'private namespaces, as root of a user namespace';
  const engine = { name, version: recipe.digest.slice(0, 12), asRoot, close: () => Promise.resolve() } as const;
  return { name, state: 'ready', detail, engine };
}

/** Tries the namespaces that the embedded engine needs; tells what refused them and what mends it. */
export async function namespacesRefused(
  asRoot: boolean,
  env: NodeJS.ProcessEnv,
): Promise<{ readonly detail: string; readonly fix: string } | undefined> {
  for (const tool of ['unshare', 'setpriv', 'flock']) {
    if (!(await onPath(tool, env))) return { detail: `${tool} is missing`, fix: 'sudo apt-get install util-linux' };
  }
  if (!asRoot) {
    const lacking = await userNamespaceLacks(env);
    if (lacking !== undefined) return lacking;
  }
  const trial = [
    'unshare',
    ...(asRoot ? [] : USER_NAMESPACE),
    '--mount',
    '--pid',
    '--fork',
    'mount',
    '-t',
    'proc',
    'proc',
    '/proc',
  ];
  try {
    await output(trial, { doing: 'trying namespaces', env: hostEnvironment(env), exitCode: EXIT.environment });
    return undefined;
  } catch (error) {
    const tail = (error as { tail?: string }).tail ?? String(error);
    return {
      detail: `the kernel or a container around us refuses private namespaces: ${tail.trim()}`,
      fix: asRoot
        ? 'run as root of the system, or in a container with --privileged'
        : 'use Docker or Podman, or run as root',
    };
  }
}

async function userNamespaceLacks(
  env: NodeJS.ProcessEnv,
): Promise<{ readonly detail: string; readonly fix: string } | undefined> {
  for (const { file, bad, good } of USERNS_SYSCTLS) {
    const value = await readFile(file, 'utf8').catch(() => '');
    if (value.trim() === bad) return { detail: `${file} is ${bad}`, fix: `sudo sysctl -w ${good}` };
  }
  if (!(await onPath('newuidmap', env))) {
    return { detail: 'newuidmap is not installed', fix: 'sudo apt-get install uidmap' };
  }
  const missing = await Promise.all(
    ['/etc/subuid', '/etc/subgid'].map(async (file) => !(await hasSubordinateIds(file))),
  );
  if (missing.includes(true)) {
    return {
      detail: 'this user has no range of subordinate user and group ids',
      fix: 'sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "$USER"',
    };
  }
  return undefined;
}

/** Whether /etc/subuid or /etc/subgid gives this user the 65536 ids that a Debian system needs. */
export async function hasSubordinateIds(file: string): Promise<boolean> {
  const { username, uid } = userInfo();
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').some((line) => {
    const [owner, , count] = line.split(':');
    return (owner === username || owner === String(uid)) && Number(count) >= 65536;
  });
}
