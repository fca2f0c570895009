import { statSync } from 'node:fs';
import { hostname } from 'node:os';
import { CommandError, EXIT, UserError } from '../errors.js';
import { mountWork } from '../exec/workplace.js';
import { WORK_NEED } from '../host/memory.js';
import { interruption } from '../interrupt.js';
import { bootReport } from '../verify/boot.js';
import type { BootReport } from '../verify/boot-types.js';
import { machinesOf } from '../verify/machines.js';
import { kvmDevice } from '../verify/qemu-kvm.js';
import { bootReportLines, reportLines } from '../verify/report.js';
import type { Finding, Platform } from '../verify/types.js';
import { verifyImage, type ImageReport } from '../verify/verify.js';
import { cacheDirectory, IN_BUILDER, print, type Context } from './common.js';
import { placeFiles, runInBuilder } from './in-builder.js';
import { ovftoolMounts } from './ovftool.js';

/** What is asked of images. */
export interface VerifyOptions {
  /** Ask the rules. */
  readonly rules: boolean;
  /** Boot the machines. */
  readonly boot?: true | undefined;
  readonly secureBoot?: true | undefined;
  /** Seconds for each boot. */
  readonly bootTimeout: number;
  readonly platform?: readonly Platform[] | undefined;
  readonly engine?: string | undefined;
  /** Given by the launcher alone: the name of the machine to look for in images. */
  readonly buildHost?: string | undefined;
}

/** All that is known about images afterwards. */
export interface Verification {
  readonly images: readonly ImageReport[];
  readonly boots: readonly BootReport[];
}

/** Seconds for each boot, unless it is told: emulated ones on a busy machine take minutes. */
export const BOOT_TIMEOUT = 900;

/** Machines have two processors where they are not emulated, and so much memory: what every platform gives the smallest. */
const MACHINE = { cpus: 2, memoryMiB: 2048, grow: 2 ** 30 } as const;

/**
 * Verifies finished images: here when this is the builder, in the builder otherwise, for the tools are there. Images are
 * only read.
 */
export async function verifyFiles(
  context: Context,
  files: readonly string[],
  options: VerifyOptions,
): Promise<Verification> {
  if (options.boot === true && machinesOf(files).length === 0) {
    throw new UserError('there is no machine to boot', { hint: 'templates of containers have no kernel' });
  }
  return IN_BUILDER ? await verifyHere(context, files, options) : await verifyInBuilder(context, files, options);
}

async function verifyHere(context: Context, files: readonly string[], options: VerifyOptions): Promise<Verification> {
  const { buildHost, bootTimeout } = options;
  const signal = buildHost === undefined ? interruption() : AbortSignal.any([interruption(), launcherGone()]);
  const workDir = mountWork('/work', 'auto');
  const images: ImageReport[] = [];
  const boots: BootReport[] = [];
  try {
    for (const file of options.rules ? files : []) {
      images.push(await verifyImage(file, options.platform ?? [], { workDir, buildHost: buildHost ?? '', signal }));
    }
    for (const disks of options.boot === true ? machinesOf(files) : []) {
      const say = (text: string): void => {
        context.log.info(text);
      };
      const machine = { ...MACHINE, secureBoot: options.secureBoot ?? false, timeoutSeconds: bootTimeout };
      boots.push(await bootReport(disks, { ...machine, cacheDir: cacheDirectory(), workDir, signal, say }));
    }
    return { images, boots };
  } finally {
    process.stdin.destroy();
  }
}

/** Aborted when standard input ends: the launcher holds the other end. */
function launcherGone(): AbortSignal {
  const gone = new AbortController();
  process.stdin.on('end', () => {
    gone.abort(new UserError('the launcher is gone'));
  });
  process.stdin.resume();
  return gone.signal;
}

/**
 * What the largest of these files may take when its disk is unpacked: compressed disks grow to the double or triple, and
 * a boot has a copy and what the machines write.
 */
function roomFor(files: readonly string[], boot: boolean): number {
  const largest = Math.max(...files.map((file) => statSync(file).blocks * 512));
  return Math.max(WORK_NEED, (boot ? 8 : 4) * largest);
}

async function verifyInBuilder(
  context: Context,
  files: readonly string[],
  options: VerifyOptions,
): Promise<Verification> {
  const { mounts, inside, known } = placeFiles(files);
  const signal = interruption();
  const kvm = options.boot === true ? kvmDevice() : undefined;
  const argv = [
    ...['verify', '--json', '--build-host', hostname(), '--boot-timeout', String(options.bootTimeout)],
    ...(options.rules ? [] : ['--no-rules']),
    ...(options.boot === true ? ['--boot'] : []),
    ...(options.secureBoot === true ? ['--secure-boot'] : []),
    ...(options.platform ?? []).flatMap((name) => ['--platform', name]),
    ...['--', ...inside],
  ];
  let said = '';
  const errors: string[] = [];
  const exit = await runInBuilder(context, {
    argv,
    mounts: [...mounts, ...ovftoolMounts(process.env)],
    engine: options.engine,
    signal,
    input: '\n',
    room: roomFor(files, options.boot === true),
    ...(kvm === undefined ? {} : { devices: [kvm] }),
    onOutput: (line) => {
      said += `${line}\n`;
    },
    onError: (line) => {
      // How the builder unwinds when it is told to is of no interest.
      if (signal.aborted) return;
      errors.push(known(line));
      context.log.info(known(line));
    },
  });
  if (exit !== EXIT.ok && exit !== EXIT.findings) {
    const tail = errors.slice(-20).join('\n');
    throw new CommandError({ doing: 'verifying in the builder', argv, exit: `exit status ${String(exit)}`, tail });
  }
  const { images, boots } = JSON.parse(said) as Verification;
  const outside = (file: string): string => files[inside.indexOf(file)] ?? file;
  return {
    images: images.map((report) => ({ ...report, image: outside(report.image) })),
    boots: boots.map((report) => ({ ...report, images: report.images.map(outside) })),
  };
}

/** All findings, for the exit status. */
export function findingsOf({ images, boots }: Verification): Finding[] {
  return [...images, ...boots].flatMap((report) => report.findings);
}

/** The reports for people; with --verbose, remarks as well. */
export function printVerification(context: Context, { images, boots }: Verification): void {
  const verbose = context.level === 'debug';
  for (const report of images) print(reportLines(report, verbose).join('\n'));
  for (const report of boots) print(bootReportLines(report, verbose).join('\n'));
}
