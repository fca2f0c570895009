#!/usr/bin/env node
// Times the assembly of disks step by step, in turn with plain `tar -x` and mkfs of the same files, and prints medians,
// shares and the ratio, which is also given for processor time: that depends less on what else the machine does. Also the
// most that lay in the work directory at a time, and the largest process.
//
//   test/bench/assemble.js [--runs N] [--tree DIR] [--layouts NAME,…]
//
// Without --tree, the files of /usr/share are taken. Runs in the embedded builder, whose tools are newer than those of many
// machines; needs the compiled program, and a builder (`imgbuild builder build`).
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath, URL } from 'node:url';
import { parseArgs } from 'node:util';

const checkout = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    tree: { type: 'string', default: '/usr/share' },
    layouts: { type: 'string', default: 'ext4,lvm,btrfs,luks' },
    inside: { type: 'string' },
  },
});
const MIB = 2 ** 20;
const WORK = '/work';

const filesystem = (format, mountpoint, more = {}) => {
  return { type: 'filesystem', format, mountpoint, label: '', options: [], compression: '', snapper: false, ...more };
};

/** Storage by name; `size` is that of the files. */
const LAYOUTS = {
  ext4: (size) => filesystemIn(size, filesystem('ext4', '/')),
  lvm: (size) => filesystemIn(size, volumes(filesystem('ext4', '/'))),
  btrfs: (size) => filesystemIn(size, filesystem('btrfs', '/', { compression: 'zstd' })),
  luks: (size) =>
    filesystemIn(size, {
      type: 'raid1',
      name: 'root',
      devices: 2,
      content: {
        type: 'luks',
        name: 'root_crypt',
        cipher: 'aes-xts-plain64',
        keyBits: 512,
        sectorSize: 512,
        pbkdf: 'argon2id',
        pbkdfMemory: 65_536,
        pbkdfIterations: 4,
        content: volumes(filesystem('btrfs', '/', { compression: 'zstd' })),
      },
    }),
};

function volumes(content) {
  return { type: 'lvm', name: 'vg0', volumes: [{ name: 'root', size: 'rest', content }] };
}

function filesystemIn(size, content) {
  // mkfs.btrfs wants room for what goes in uncompressed, and metadata twice.
  const bytes = Math.ceil((size * 4 + 512 * MIB) / MIB) * MIB;
  return {
    firmware: 'bios',
    disks: [{ name: 'rootfs', table: 'gpt', partitions: [{ name: 'root', type: 'linux', size: bytes, content }] }],
  };
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

if (values.inside !== undefined) await inside(JSON.parse(values.inside));
else await outside();

async function outside() {
  const { findEngine } = await import(`${checkout}/dist/host/engine.js`);
  const { ensureBuilder } = await import(`${checkout}/dist/host/image.js`);
  const { runEmbedded } = await import(`${checkout}/dist/host/launch-embedded.js`);
  const { programMounts } = await import(`${checkout}/dist/host/mounts.js`);
  const { hostOf } = await import(`${checkout}/dist/host/program.js`);
  const top = path.join(checkout, '.cache/bench-assemble');
  mkdirSync(top, { recursive: true });
  const host = hostOf(checkout, process.env.IMGBUILD_CACHE_DIR ?? path.join(checkout, '.cache/test'));
  const { engine } = await findEngine(host, 'embedded');
  try {
    const builder = await ensureBuilder(host, engine, {}, (line) => console.error(line));
    copyFileSync(fileURLToPath(import.meta.url), path.join(top, 'bench.js'));
    writeFileSync(path.join(top, 'package.json'), '{"type":"module"}');
    execFileSync('tar', [
      '-C',
      values.tree,
      '--create',
      '--format=pax',
      '--sort=name',
      '--file',
      path.join(top, 'tree.tar'),
      '.',
    ]);
    const job = JSON.stringify({ runs: Number(values.runs), layouts: values.layouts.split(',') });
    await runEmbedded(host, builder, {
      id: 'bench',
      argv: ['node', '/bench/bench.js', '--inside', job],
      mounts: [...programMounts(host.program), { source: top, target: '/bench', readonly: false }],
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8' },
      workBytes: 12 * 2 ** 30,
      onOutput: (line) => console.log(line),
      onError: (line) => console.error(line),
    });
  } finally {
    await engine.close();
    rmSync(top, { recursive: true, force: true });
  }
}

async function inside({ runs, layouts }) {
  const tar = '/bench/tree.tar';
  const first = mkdtempSync(`${WORK}/tree-`);
  execFileSync('tar', ['-x', '-f', tar, '-C', first]);
  const size = blocks(first);
  rmSync(first, { recursive: true });
  console.log(`${(size / MIB).toFixed(0)} MiB of files, ${String(runs)} runs in turn, medians in seconds`);
  for (const name of layouts) {
    const ours = [];
    const plain = [];
    for (let run = 0; run < runs; run += 1) {
      ours.push(await assemble(LAYOUTS[name](size), tar));
      plain.push(await plainly(LAYOUTS[name](size), tar));
    }
    const seconds = median(ours.map((one) => one.seconds));
    const beside = median(plain.map((one) => one.seconds));
    const [busy, busyBeside] = [ours, plain].map((all) => median(all.map((one) => one.processor)));
    const peak = Math.max(...ours.map((one) => one.peak)) / size;
    const memory = Math.max(...ours.map((one) => one.memory));
    console.log(
      `${name}: ${seconds.toFixed(2)}, plain ${beside.toFixed(2)}, ratio ${(seconds / beside).toFixed(2)}; ` +
        `processor ${busy.toFixed(2)}, plain ${busyBeside.toFixed(2)}, ratio ${(busy / busyBeside).toFixed(2)}; ` +
        `at most ${peak.toFixed(2)} of the files in the work directory, our process ${memory.toFixed(0)} MiB`,
    );
    for (const step of Object.keys(ours[0].steps)) {
      const share = median(ours.map((one) => one.steps[step]));
      console.log(
        `  ${share.toFixed(2).padStart(6)}  ${String(Math.round((100 * share) / seconds)).padStart(3)} %  ${step}`,
      );
    }
  }
}

/** Of this process and of those that it has waited for: utime, stime, cutime and cstime of proc(5), in hundredths. */
function processorSeconds() {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1].split(' ');
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / 100;
}

function blocks(directory) {
  return Number(execFileSync('du', ['-s', '--block-size=1', directory], { encoding: 'utf8' }).split('\t')[0]);
}

async function assemble(storage, tar) {
  const { assembleDisks } = await import('/usr/lib/imgbuild/dist/exec/assemble.js');
  const { planDisks } = await import('/usr/lib/imgbuild/dist/disk/plan.js');
  const { createReadStream } = await import('node:fs');
  const work = mkdtempSync(`${WORK}/ours-`);
  const marks = [];
  const log = (line) => {
    if (line.startsWith('--- assemble: ')) marks.push([line.slice(14), performance.now()]);
  };
  // A process of its own, because this one is busy.
  const watch = spawn(
    'sh',
    [
      '-c',
      `least=$(stat -f -c %f ${WORK}); first=$least; while sleep 0.05; do now=$(stat -f -c %f ${WORK}); [ "$now" -lt "$least" ] && least=$now && echo "$((first - least))" >${work}.peak; done`,
    ],
    { detached: true, stdio: 'ignore' },
  );
  const before = processorSeconds();
  const started = performance.now();
  const context = { work, signal: new AbortController().signal, log, emit: () => undefined };
  const target = {
    suite: 'trixie',
    architecture: 'amd64',
    epoch: 1_700_000_000,
    passphrases: { root_crypt: 'twelve bananas 77' },
  };
  await assembleDisks(
    context,
    planDisks(storage, 'bench'),
    { openTar: () => createReadStream(tar, { highWaterMark: MIB }) },
    target,
  );
  const ended = performance.now();
  const processor = processorSeconds() - before;
  process.kill(-watch.pid, 'SIGKILL');
  await once(watch, 'close');
  const steps = Object.fromEntries(marks.map(([name, at], n) => [name, ((marks[n + 1]?.[1] ?? ended) - at) / 1000]));
  const peak = Number(readFileSync(`${work}.peak`, 'utf8')) * statfsSync(WORK).bsize;
  rmSync(work, { recursive: true });
  rmSync(`${work}.peak`);
  return { seconds: (ended - started) / 1000, processor, steps, peak, memory: process.resourceUsage().maxRSS / 1024 };
}

/** What one would do by hand with a directory, without any layer around the file system. */
async function plainly(storage, tar) {
  const work = mkdtempSync(`${WORK}/plain-`);
  const [{ size, content }] = storage.disks[0].partitions;
  const format = JSON.stringify(content).includes('btrfs') ? 'btrfs' : 'ext4';
  const make = {
    ext4: ['mke2fs', '-q', '-t', 'ext4', '-d'],
    btrfs: ['mkfs.btrfs', '-q', '--compress', 'zstd', '--rootdir'],
  }[format];
  const [started, before] = [performance.now(), processorSeconds()];
  mkdirSync(`${work}/root`);
  execFileSync('tar', ['-x', '-f', tar, '-C', `${work}/root`]);
  execFileSync('truncate', ['-s', String(size), `${work}/fs`]);
  execFileSync(make[0], [...make.slice(1), `${work}/root`, `${work}/fs`], { stdio: 'ignore' });
  const [seconds, processor] = [(performance.now() - started) / 1000, processorSeconds() - before];
  rmSync(work, { recursive: true });
  return { seconds, processor };
}
