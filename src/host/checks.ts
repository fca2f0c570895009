import { constants } from 'node:fs';
import { access, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { tmpdir, userInfo } from 'node:os';
import { ARCHITECTURES, debianArchitecture } from '../config/architectures.js';
import { emulationFor, INSTALL_HANDLERS } from '../exec/emulation.js';
import { output } from '../exec/run.js';
import { formatBytes } from '../units.js';
import { embeddedRoot, USER_NAMESPACE } from './embedded.js';
import { hasSubordinateIds, namespacesRefused, USERNS_SYSCTLS } from './embedded-probe.js';
import { ENGINES, probeEngine, type Engine, type EngineFinding, type EngineName } from './engine.js';
import { imageLabel } from './image.js';
import { chooseWork, freeBytes, workFacts, WORK_NEED } from './memory.js';
import { CAPABILITIES } from './privileges.js';
import { nonEmpty, type Host } from './program.js';
import { readRecipe } from './recipe.js';
import { hostEnvironment } from './which.js';

/** One thing that `imgbuild doctor` looked at. */
export interface Finding {
  readonly name: string;
  /** `fail`: no build can work; `warn`: some cannot, or not as well. */
  readonly level: 'ok' | 'warn' | 'fail';
  readonly detail: string;
  /** The command that mends it. */
  readonly fix?: string;
}

/** Looks at everything on this machine that a build needs. */
export async function examineHost(host: Host, asked: EngineName | undefined, outputDir: string): Promise<Finding[]> {
  const engines = await examineEngines(host, asked);
  return [
    ...engines,
    await userNamespaces(host),
    ...(await subordinateIds()),
    await foreignArchitectures(host),
    await memory(host),
    await directory('cache', host.cacheDir, 'IMGBUILD_CACHE_DIR=DIR imgbuild … uses another directory'),
    await directory('output', outputDir, 'imgbuild build --output DIR uses another directory'),
  ];
}

/** Looks at what the engine around this builder gives it. */
export async function examineBuilder(cacheDir: string, outputDir: string): Promise<Finding[]> {
  const flags = 'docker run with --privileged, or with the capabilities that docs/security.md lists';
  const refused = await namespacesRefused(true, process.env);
  return [
    {
      name: 'namespaces',
      level: refused === undefined ? 'ok' : 'fail',
      detail: refused?.detail ?? 'private mounts and processes',
      ...(refused === undefined ? {} : { fix: flags }),
    },
    await capabilities(flags),
    await emulation(),
    await directory('cache', cacheDir, 'docker run -v DIR:/cache keeps it'),
    await directory('output', outputDir, 'docker run -v DIR:/out'),
  ];
}

async function examineEngines(host: Host, asked: EngineName | undefined): Promise<Finding[]> {
  const findings: Finding[] = [];
  let chosen: Finding | undefined;
  const failed: EngineFinding[] = [];
  for (const name of asked === undefined ? ENGINES : [asked]) {
    const { engine, ...finding } = await probeEngine(host, name);
    if (engine === undefined) {
      failed.push(finding);
      findings.push({ ...withFix(finding), level: asked === undefined ? 'warn' : 'fail' });
      continue;
    }
    try {
      findings.push({ name, level: 'ok', detail: finding.detail });
      chosen ??= await builder(host, engine);
    } finally {
      await engine.close();
    }
  }
  if (chosen !== undefined) return [...findings, chosen];
  const fix = failed.at(-1)?.fix;
  const none: Finding = {
    name: 'engine',
    level: 'fail',
    detail: 'no engine can be used',
    ...(fix === undefined ? {} : { fix }),
  };
  return asked === undefined ? [...findings, none] : findings;
}

function withFix({ name, detail, fix }: EngineFinding): Omit<Finding, 'level'> {
  return { name, detail, ...(fix === undefined ? {} : { fix }) };
}

async function builder(host: Host, engine: Engine): Promise<Finding> {
  const recipe = await readRecipe(host.program.dir);
  const name = `builder (${engine.name})`;
  const make = `imgbuild builder build --engine ${engine.name}`;
  const missing: Finding = { name, level: 'warn', detail: 'not made yet; the first build makes it', fix: make };
  if (engine.name === 'embedded') {
    const root = embeddedRoot(host, recipe.digest);
    return (await exists(root)) ? { name, level: 'ok', detail: root } : missing;
  }
  const own = host.env['IMGBUILD_IMAGE'];
  const image = nonEmpty(own) ? own : recipe.image;
  const label = await imageLabel(engine, image);
  if (label === undefined) return missing;
  if (label === recipe.digest) return { name, level: 'ok', detail: image };
  return {
    name,
    level: 'warn',
    detail: `${image} was made from another recipe than this version's`,
    fix: `unset IMGBUILD_IMAGE, or ${engine.name} pull ${image}`,
  };
}

async function userNamespaces(host: Host): Promise<Finding> {
  const name = 'user namespaces';
  const trial = `unshare ${USER_NAMESPACE.join(' ')} true`;
  if (process.getuid?.() === 0) return { name, level: 'ok', detail: 'not needed by root' };
  for (const { file, bad, good } of USERNS_SYSCTLS) {
    const value = await readFile(file, 'utf8').catch(() => '');
    if (value.trim() === bad)
      return { name, level: 'warn', detail: `${file} is ${bad}`, fix: `sudo sysctl -w ${good}` };
  }
  const refused = await namespacesRefused(false, host.env);
  if (refused === undefined) return { name, level: 'ok', detail: `${trial} works` };
  return { name, level: 'warn', ...refused };
}

async function subordinateIds(): Promise<Finding[]> {
  if (process.getuid?.() === 0) return [];
  const files = ['/etc/subuid', '/etc/subgid'];
  const lacking: string[] = [];
  for (const file of files) if (!(await hasSubordinateIds(file))) lacking.push(file);
  const name = 'subordinate ids';
  if (lacking.length === 0) return [{ name, level: 'ok', detail: `ranges in ${files.join(' and ')}` }];
  const { username } = userInfo();
  const fix = `sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${username}`;
  return [{ name, level: 'warn', detail: `no range for ${username} in ${lacking.join(' and ')}`, fix }];
}

async function foreignArchitectures(host: Host): Promise<Finding> {
  const name = 'foreign architectures';
  const native = debianArchitecture();
  const others = ARCHITECTURES.filter((one) => one !== native);
  // As a build does it, in namespaces that are gone at once.
  const namespaces = [...(process.getuid?.() === 0 ? ['--user', '--map-root-user'] : USER_NAMESPACE), '--mount'];
  const trial = ['unshare', ...namespaces, 'mount', '-t', 'binfmt_misc', 'binfmt_misc', '/tmp'];
  const doing = 'trying handlers for programs';
  const own = await output(trial, { doing, env: hostEnvironment(host.env) }).then(
    () => true,
    () => false,
  );
  if (own) return { name, level: 'ok', detail: `${native}, and by the builder's QEMU: ${others.join(', ')}` };
  const entries = await readdir('/proc/sys/fs/binfmt_misc').catch(() => []);
  const handlers = entries.filter((entry) => entry.startsWith('qemu-')).map((entry) => entry.slice('qemu-'.length));
  if (handlers.length > 0) {
    return { name, level: 'ok', detail: `${native}, and by QEMU on this machine: ${handlers.sort().join(', ')}` };
  }
  const why = 'Linux before 6.7, or something around us, refuses a build its own handler for programs';
  return { name, level: 'warn', detail: `only images for ${native} can be built: ${why}`, fix: INSTALL_HANDLERS };
}

/** The same, from inside of the builder: by a program of each architecture. */
async function emulation(): Promise<Finding> {
  const name = 'foreign architectures';
  const native = debianArchitecture();
  const context = { work: tmpdir(), signal: new AbortController().signal, log: () => undefined };
  const runs: string[] = [];
  for (const architecture of ARCHITECTURES) {
    const found = emulationFor(context, architecture).then(
      () => true,
      () => false,
    );
    if (architecture !== native && (await found)) runs.push(architecture);
  }
  if (runs.length > 0) return { name, level: 'ok', detail: `${native}, and ${runs.join(', ')}` };
  return { name, level: 'warn', detail: `only images for ${native} can be built`, fix: INSTALL_HANDLERS };
}

async function memory(host: Host): Promise<Finding> {
  const name = 'memory';
  try {
    const facts = await workFacts(host.cacheDir);
    const place = chooseWork('auto', facts, path.join(host.cacheDir, 'work'));
    if (place.kind === 'tmpfs') return { name, level: 'ok', detail: `builds work in memory: ${place.why}` };
    return {
      name,
      level: 'warn',
      detail: `builds work on disk, which is slower: ${place.why}`,
      fix: 'ps axo rss,comm --sort=-rss | head tells what could be ended',
    };
  } catch (error) {
    const { message, hint } = error as { message: string; hint?: string };
    return { name, level: 'fail', detail: message, ...(hint === undefined ? {} : { fix: hint }) };
  }
}

async function directory(name: string, dir: string, other: string): Promise<Finding> {
  const there = await nearest(dir);
  try {
    await access(there, constants.W_OK);
  } catch {
    const { username } = userInfo();
    const fix = there === dir ? `sudo chown -R ${username} ${dir}` : `sudo install -d -o ${username} ${dir}`;
    return { name, level: 'fail', detail: `${there} is not writable`, fix: `${fix}; ${other}` };
  }
  const free = await freeBytes(there);
  const detail = `${dir}, ${formatBytes(free)} free`;
  return free < WORK_NEED ? { name, level: 'warn', detail, fix: other } : { name, level: 'ok', detail };
}

/** The directory itself or, while it does not exist, the one that it would be made in. */
async function nearest(dir: string): Promise<string> {
  const parent = path.dirname(dir);
  return parent === dir || (await exists(dir)) ? dir : await nearest(parent);
}

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}

/** Numbers of the capabilities in the kernel's masks (linux/capability.h). */
const CAPABILITY_BITS: Readonly<Record<keyof typeof CAPABILITIES, number>> = {
  CHOWN: 0,
  DAC_OVERRIDE: 1,
  FOWNER: 3,
  FSETID: 4,
  KILL: 5,
  SETGID: 6,
  SETUID: 7,
  SYS_CHROOT: 18,
  SYS_ADMIN: 21,
  SETFCAP: 31,
};

async function capabilities(fix: string): Promise<Finding> {
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1] ?? '0';
  const effective = BigInt(`0x${mask}`);
  const lacking = Object.entries(CAPABILITY_BITS).filter(([, bit]) => ((effective >> BigInt(bit)) & 1n) === 0n);
  if (lacking.length === 0) return { name: 'capabilities', level: 'ok', detail: 'all that a build needs' };
  const reasons = lacking.map(([name]) => `${name} (${CAPABILITIES[name as keyof typeof CAPABILITIES]})`);
  return { name: 'capabilities', level: 'fail', detail: `missing: ${reasons.join('; ')}`, fix };
}
