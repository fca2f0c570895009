#!/usr/bin/env node
// Times the writers of disk formats, each in turn with what one would use otherwise, and prints medians and ratios.
//
//   test/bench/convert.js [--runs N] [--disk FILE] [--formats NAME,…]
//
// Without --disk, a disk of 2 GiB with the files of /usr in an ext4 file system is made. Works in .cache/bench-convert;
// needs what test/support/install.sh installs, and the compiled program.
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import path from 'node:path';
import { fileURLToPath, URL } from 'node:url';
import { parseArgs } from 'node:util';

const checkout = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    disk: { type: 'string' },
    formats: { type: 'string', default: 'raw,raw.zst,qcow2,vhdx,vhd,vmdk,ova' },
    one: { type: 'string' },
  },
});
const top = path.join(checkout, '.cache/bench-convert');
mkdirSync(top, { recursive: true });

const streamOptimized = (disk, file) => [
  'qemu-img',
  'convert',
  '-f',
  'raw',
  '-O',
  'vmdk',
  '-o',
  'subformat=streamOptimized',
  disk,
  file,
];

/** What a user without imgbuild would run; an OVA is at least its VMDK. */
const OTHERS = {
  raw: (disk, file) => ['cp', '--sparse=never', disk, file],
  'raw.zst': (disk, file) => ['zstd', '-q', '-f', '-3', disk, '-o', file],
  qcow2: (disk, file) => [
    'qemu-img',
    'convert',
    '-f',
    'raw',
    '-O',
    'qcow2',
    '-c',
    '-o',
    'compression_type=zlib',
    disk,
    file,
  ],
  vhdx: (disk, file) => ['qemu-img', 'convert', '-f', 'raw', '-O', 'vhdx', '-o', 'block_size=1M', disk, file],
  vhd: (disk, file) => [
    'qemu-img',
    'convert',
    '-f',
    'raw',
    '-O',
    'vpc',
    '-o',
    'subformat=fixed,force_size',
    disk,
    file,
  ],
  vmdk: streamOptimized,
  ova: streamOptimized,
};

/** The writers themselves, in a process of their own: started with --one by the run that measures. */
async function writeOne(format, disk) {
  const { artefactsOf } = await import(`${checkout}/dist/exec/formats/artefacts.js`);
  const machine = {
    name: 'bench',
    debian: 12,
    architecture: 'amd64',
    firmware: 'uefi',
    secureBoot: false,
    cpus: 2,
    memoryMiB: 2048,
  };
  const disks = [{ name: 'rootfs', path: disk, bytes: statSync(disk).size }];
  const options = { 'output.qcow2Compression': 'zstd' };
  const fds = [];
  const newFile = (part, suffix) => {
    const name = `ours_${part}${suffix}`;
    const fd = openSync(path.join(top, name), 'w+');
    fds.push(fd);
    return { name, fd, path: `/proc/${String(process.pid)}/fd/${String(fd)}` };
  };
  for (const artefact of artefactsOf([format], { disks, machine, options, epoch: 0, scratch: top })) {
    await artefact.write({ newFile, hashed: () => undefined });
  }
  fds.forEach(closeSync);
}

/** Wall and processor seconds of a command, and the size of what it wrote. */
function time(argv, file) {
  rmSync(file, { force: true });
  const [command, ...args] = ['/usr/bin/time', '--format=%e %U %S %M', '--output', path.join(top, 'time'), ...argv];
  const env = { ...process.env, UV_THREADPOOL_SIZE: String(Math.max(4, cpus().length)) };
  const run = spawnSync(command, args, { env, encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`${argv.join(' ')}: ${String(run.status)}\n${run.stderr}`);
  const [wall, user, system, kilobytes] = spawnSync('tail', ['-n1', path.join(top, 'time')], { encoding: 'utf8' })
    .stdout.trim()
    .split(' ')
    .map(Number);
  return { wall, cpu: user + system, megabytes: kilobytes / 1024, size: statSync(file).blocks * 512 };
}

function makeDisk() {
  const disk = path.join(top, 'disk.raw');
  if (existsSync(disk)) return disk;
  writeFileSync(disk, '');
  truncateSync(disk, 2 ** 31);
  const table = 'label: gpt\nstart=1MiB, size=100MiB, type=U\nstart=101MiB, type=L\n';
  const tool = (argv, input) => {
    const [command, ...args] = argv;
    const run = spawnSync(command, args, {
      input,
      encoding: 'utf8',
      env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/sbin:/usr/sbin` },
    });
    if (run.status !== 0) throw new Error(run.stderr);
  };
  tool(['sfdisk', '-q', disk], table);
  const tree = ['/usr/bin', '/usr/lib/x86_64-linux-gnu', '/usr/share/doc'].find((directory) => existsSync(directory));
  tool([
    'mke2fs',
    '-q',
    '-F',
    '-b',
    '4096',
    '-d',
    tree,
    '-E',
    `offset=${String(101 * 2 ** 20)},nodiscard`,
    disk,
    '1900M',
  ]);
  return disk;
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const disk = values.disk ?? makeDisk();

if (values.one !== undefined) await writeOne(values.one, disk);
else {
  const rows = [];
  for (const format of values.formats.split(',')) {
    const theirs = path.join(top, `theirs.${format}`);
    const ours = path.join(top, `ours_${format === 'ova' ? 'vm' : 'rootfs'}.${format}`);
    const pairs = [];
    for (let n = 0; n < Number(values.runs); n += 1) {
      const self = [process.execPath, fileURLToPath(import.meta.url), '--one', format, '--disk', disk];
      pairs.push({ ours: time(self, ours), theirs: time(OTHERS[format](disk, theirs), theirs) });
    }
    const of = (who, what) => median(pairs.map((pair) => pair[who][what]));
    const ratio = (what) => median(pairs.map((pair) => pair.ours[what] / pair.theirs[what])).toFixed(2);
    const mb = (who) => (of(who, 'size') / 1e6).toFixed(0);
    rows.push(
      `${format.padEnd(8)} ${of('ours', 'wall').toFixed(1)} s, ${OTHERS[format]('', '')[0]} ${of('theirs', 'wall').toFixed(1)} s: ratio ${ratio('wall')} ` +
        `(processor ${ratio('cpu')}); ${mb('ours')} MB, ${mb('theirs')} MB; memory ${of('ours', 'megabytes').toFixed(0)} MB`,
    );
    rmSync(theirs, { force: true });
    rmSync(ours, { force: true });
    process.stderr.write(`${rows.at(-1)}\n`);
  }
  const { size, blocks } = statSync(disk);
  process.stdout.write(
    `${(size / 1e9).toFixed(2)} GB with ${((blocks * 512) / 1e9).toFixed(2)} GB of data, ${values.runs} runs each in turn, medians\n${rows.join('\n')}\n`,
  );
}
