#!/usr/bin/env node
// Times builds of one profile, each in turn with plain mmdebstrap of the same packages, and prints medians and ratios.
//
//   test/bench/build.js [--runs N] [--profile NAME] [--together NAME,…] [--engine NAME]
//
// --together also times several profiles in one command, from nothing but packages, against the first build of the one:
//
//   test/bench/build.js --profile deb12-amd64-kvm --together deb12-amd64-kvm,deb12-amd64-hyper-v,deb12-amd64-esxi
//
// Processor seconds are those of all processes together; with Docker and Podman only the launcher's can be seen.
// The last line is what the wrapper ./imgbuild costs by itself, beside running the compiled program.
// Packages are in the download caches of both before anything is timed. Works in .cache/bench; needs root for the plain
// mmdebstrap, and what test/support/install.sh installs.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, URL } from 'node:url';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';

const checkout = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    profile: { type: 'string', default: 'deb12-amd64-lxc' },
    together: { type: 'string', default: '' },
    engine: { type: 'string', default: 'embedded' },
  },
});
const runs = Number(values.runs);
const { profile } = values;
const together = values.together.split(',').filter((name) => name !== '');
const top = path.join(checkout, '.cache/bench');
const cache = path.join(top, 'cache');
const output = path.join(top, 'out');
const archives = path.join(top, 'archives');
for (const directory of [cache, output, archives]) mkdirSync(directory, { recursive: true });

/** Seconds that a command takes, those of processors, and the peak memory of its largest process in MB. */
function time(argv, env = {}) {
  const [command, ...args] = ['/usr/bin/time', '--format=%e %U %S %M', '--output', path.join(top, 'time'), ...argv];
  const run = spawnSync(command, args, { env: { ...process.env, ...env }, encoding: 'utf8', cwd: checkout });
  if (run.status !== 0) throw new Error(`${argv.join(' ')}: ${String(run.status)}\n${run.stderr}`);
  const [seconds, user, system, kilobytes] = readFileSync(path.join(top, 'time'), 'utf8').trim().split(' ').map(Number);
  return { seconds, processor: user + system, megabytes: kilobytes / 1024, stdout: run.stdout };
}

function build(...args) {
  const argv = [path.join(checkout, 'imgbuild'), 'build', '--engine', values.engine, '--output', output, ...args];
  return time(argv, { IMGBUILD_CACHE_DIR: cache });
}

/** The packages that the profile names, for plain mmdebstrap. */
function plan() {
  const argv = [path.join(checkout, 'imgbuild'), 'plan', '--json', profile];
  const { suite, packages } = JSON.parse(execFileSync(argv[0], argv.slice(1), { encoding: 'utf8' }));
  return { suite, packages: [...packages.shared, ...packages.extra] };
}

const { suite, packages } = plan();

function plain() {
  const image = path.join(top, 'plain.tar.zst');
  rmSync(image, { force: true });
  return time(
    [
      'unshare',
      '--mount',
      'sh',
      '-euc',
      'mount -t tmpfs -o size=4g tmpfs /mnt; export TMPDIR=/mnt; exec "$@"',
      'plain',
      'mmdebstrap',
      '--quiet',
      '--mode=root',
      '--variant=apt',
      `--include=${packages.join(',')}`,
      '--skip=download/empty,essential/unlink',
      '--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr',
      `--setup-hook=mkdir -p "$1/var/cache/apt/archives"; cp ${archives}/*.deb "$1/var/cache/apt/archives/" || true`,
      // Only of the first run, which is not timed: kept for the others.
      ...(existsSync(path.join(archives, 'complete'))
        ? []
        : [`--customize-hook=cp "$1"/var/cache/apt/archives/*.deb ${archives}/; touch ${archives}/complete`]),
      suite,
      image,
    ],
    { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
  );
}

function forgetStages() {
  for (const part of ['stages', 'frames', 'outputs', 'inputs', 'locks']) {
    rmSync(path.join(cache, part), { recursive: true, force: true });
  }
}

/** Leaves what a suite's profiles share: the entries of the stage `base` and their frames. */
function forgetProfiles() {
  for (const part of ['outputs', 'inputs', 'locks']) rmSync(path.join(cache, part), { recursive: true, force: true });
  const kept = new Set();
  const stages = path.join(cache, 'stages');
  for (const name of readdirSync(stages)) {
    const entry = JSON.parse(readFileSync(path.join(stages, name), 'utf8'));
    if (entry.stage === 'base') for (const frame of entry.frames) kept.add(frame);
    else rmSync(path.join(stages, name));
  }
  const frames = path.join(cache, 'frames');
  for (const name of readdirSync(frames, { recursive: true, encoding: 'utf8' })) {
    if (name.endsWith('.zst') && !kept.has(path.basename(name))) rmSync(path.join(frames, name));
  }
}

const other = path.join(top, 'other.yaml');
writeFileSync(
  other,
  `extends: ${path.join(checkout, `profiles/examples/${profile.split('-')[0]}/${profile}.yaml`)}
packages: [htop]
options: { hostname: other, timezone: UTC, login: { user: alice }, rsyslog: { enable: true } }
`,
);

let changes = 0;
const cases = {
  'first build of the suite': { prepare: forgetStages, run: () => build(profile) },
  'first build of another profile': { prepare: forgetProfiles, run: () => build(other) },
  'after a change of an option': {
    prepare: () => build(profile),
    run: () => build(profile, '--set', `hostname=h${String(process.pid)}-${String(changes++)}`),
  },
  'nothing changed': { prepare: () => build(profile), run: () => build(profile) },
  ...(together.length === 0
    ? {}
    : { [`${String(together.length)} profiles together`]: { prepare: forgetStages, run: () => build(...together) } }),
};

/** Milliseconds that the wrapper of a checkout adds to a start of the program: the median of pairs in turn. */
function wrapperCost() {
  const costs = [];
  for (let n = 0; n < 5 * runs; n++) {
    const started = performance.now();
    execFileSync(path.join(checkout, 'imgbuild'), ['--version']);
    const between = performance.now();
    execFileSync(process.execPath, [path.join(checkout, 'dist/bundle/cli.js'), '--version']);
    costs.push(between - started - (performance.now() - between));
  }
  return median(costs);
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

process.stderr.write('filling the download caches …\n');
build(profile);
build(other);
if (together.length > 0) build(...together);
plain();
const rows = [];
/** What the first build of the one profile took. */
let first;
for (const [name, { prepare, run }] of Object.entries(cases)) {
  const ours = [];
  const theirs = [];
  const memory = [];
  const processor = [];
  for (let n = 0; n < runs; n++) {
    prepare();
    const result = run();
    ours.push(result.seconds);
    memory.push(result.megabytes);
    processor.push(result.processor);
    if (name === 'first build of the suite') theirs.push(plain().seconds);
    process.stderr.write(`${name}: ${result.seconds.toFixed(2)} s\n`);
  }
  const spread = `${Math.min(...ours).toFixed(2)}–${Math.max(...ours).toFixed(2)}`;
  first ??= { seconds: median(ours), processor: median(processor) };
  const ratio =
    theirs.length > 0
      ? `; plain mmdebstrap ${median(theirs).toFixed(1)} s, ratio ${median(ours.map((s, i) => s / theirs[i])).toFixed(2)}`
      : name.endsWith('together')
        ? `; ${(median(ours) / first.seconds).toFixed(2)} times the first build of one (processor ${(median(processor) / first.processor).toFixed(2)})`
        : '';
  rows.push(
    `${name}: ${median(ours).toFixed(2)} s (${spread}), processor ${median(processor).toFixed(1)} s${ratio}; largest process ${median(memory).toFixed(0)} MB`,
  );
}
rows.push(`./imgbuild adds ${wrapperCost().toFixed(0)} ms to each start of dist/bundle/cli.js`);
process.stdout.write(
  `${profile}, ${values.engine}, ${String(runs)} runs each, median (least–most)\n${rows.join('\n')}\n`,
);
