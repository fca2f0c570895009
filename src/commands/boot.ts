import { existsSync, statSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { EXIT, UserError, type ExitCode } from '../errors.js';
import { keptBuilds } from '../exec/publish-kept.js';
import { mountWork } from '../exec/workplace.js';
import { interruption } from '../interrupt.js';
import { formatBytes } from '../units.js';
import { INSIDE } from '../host/mounts.js';
import { bootSession, type SessionOptions } from '../verify/boot-session.js';
import { BUSES, NICS, type Bus, type Nic } from '../verify/qemu-arguments.js';
import { kvmDevice } from '../verify/qemu-kvm.js';
import { ensureDirectory } from './build-events.js';
import { takeKeyboard } from './boot-terminal.js';
import {
  cacheDirectory,
  contextOf,
  finishWith,
  IN_BUILDER,
  outputDirectory,
  sizeArgument,
  type Context,
} from './common.js';
import { placeFiles, runInBuilder } from './in-builder.js';

interface Options {
  readonly ssh?: true | number;
  readonly memory: number;
  readonly cpus: number;
  readonly firmware?: 'uefi' | 'bios';
  readonly secureBoot?: true;
  readonly diskSize?: number;
  readonly diskBus?: Bus;
  readonly nic?: Nic;
  readonly accelerator?: 'kvm' | 'tcg';
  readonly format?: string;
  readonly keep?: string;
  readonly tpm?: true;
  readonly output?: string;
  readonly engine?: string;
  readonly launched?: true;
}

const MIB = 2 ** 20;

/** Where the builder sees the directory of a machine that stays. */
const KEPT = `${INSIDE.sources}/kept`;

/** Formats in which a build's machine is booted when none is named: the quickest to begin with first. */
const SUFFIXES = ['.qcow2', '.raw', '.vhdx', '.vhd', '.vmdk', '.ova', '.raw.zst'] as const;

/** `imgbuild boot`. */
export function register(program: Command): void {
  program
    .command('boot')
    .description(
      'Boots an image in QEMU, with its serial console here. The image is not written to: what the machine changes is gone ' +
        'when it is switched off, or stays in a directory of its own (--keep).',
    )
    .argument('<image...>', 'the disks of one machine, or the name of a profile: what its newest build has made')
    .option('--ssh [port]', 'lead a port of 127.0.0.1 to the port 22 of the machine', portArgument)
    .addOption(
      new Option('-m, --memory <size>', 'memory of the machine').argParser(memoryArgument).default(2048 * MIB, '2G'),
    )
    .option('--cpus <n>', 'processors of the machine', countArgument, 2)
    .addOption(new Option('--firmware <kind>', 'else found from the disk').choices(['uefi', 'bios']))
    .option('--secure-boot', 'with Secure Boot on, and the keys of Microsoft enrolled')
    .option('--disk-size <size>', 'make the first disk so large, as a platform would', sizeArgument)
    .addOption(new Option('--disk-bus <bus>', 'else like the platform of the format').choices(BUSES))
    .addOption(new Option('--nic <card>', 'else like the platform of the format').choices(NICS))
    .addOption(new Option('--accelerator <kind>', 'else KVM where it works').choices(['kvm', 'tcg']))
    .addOption(
      new Option('--format <format>', 'of the files of a profile, take these').choices(
        SUFFIXES.map((suffix) => suffix.slice(1)),
      ),
    )
    .option('--tpm', 'with a TPM 2.0, which remembers what it holds when the machine is kept')
    .option('--keep <dir>', 'keep what the machine changes there, and go on from it the next time')
    .option('-o, --output <dir>', 'where the outputs of profiles are ($IMGBUILD_OUTPUT_DIR, else ./obj)')
    .option('--engine <name>', 'docker, podman or embedded; else the first that works ($IMGBUILD_ENGINE)')
    .addOption(new Option('--launched').hideHelp())
    .addHelpText(
      'after',
      `
Ctrl-] switches the machine off; everything else that is typed goes to it. docs/boot.md tells more.

Examples:
  imgbuild boot deb12-amd64-kvm
  imgbuild boot deb12-amd64-kvm --ssh 2222 --disk-size 8G
  imgbuild boot deb12-amd64-kvm --keep trial/
  imgbuild boot appliance.ova --memory 4G --secure-boot`,
    )
    .action(async (images: string[], options: Options, command: Command) => {
      const context = await contextOf(command);
      if (options.secureBoot === true && options.firmware === 'bios') {
        throw new UserError('--secure-boot needs UEFI, and --firmware bios has none', {
          hint: 'leave one of them out',
        });
      }
      const files = machineFiles(images, outputDirectory(options.output), options.format);
      if (options.keep !== undefined) ensureDirectory(options.keep, '--keep', '--keep');
      finishWith(IN_BUILDER ? await bootHere(context, files, options) : await bootInBuilder(context, files, options));
    });
}

function portArgument(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65535)
    throw new InvalidArgumentError('A port from 1 to 65535 is wanted.');
  return port;
}

function memoryArgument(text: string): number {
  const size = sizeArgument(text);
  // Less is a slip in the unit: no firmware comes up in it.
  if (size < 64 * MIB) throw new InvalidArgumentError('At least 64M are wanted, with the unit: 512M or 2G.');
  return size;
}

function countArgument(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('A number from 1 on is wanted.');
  return Number(text);
}

/** The disks that are meant: files as they are, or those of a profile's newest build, all in one format. */
function machineFiles(images: readonly string[], outputDir: string, format: string | undefined): string[] {
  return images.flatMap((image) => {
    if (existsSync(image) && statSync(image).isFile()) return [image];
    const directory = path.join(outputDir, image);
    const names = existsSync(directory) ? (keptBuilds(directory)[0]?.files ?? []).map(({ name }) => name) : [];
    for (const suffix of SUFFIXES) {
      if (format !== undefined && suffix !== `.${format}`) continue;
      const found = names.filter((name) => name.endsWith(suffix));
      if (found.length > 0) return found.map((name) => path.join(directory, name));
    }
    if (names.length > 0) {
      throw new UserError(
        `the newest build of ${image} has made no machine${format === undefined ? '' : ` as ${format}`}`,
        {
          hint: `it has made ${names.join(', ')}; imgbuild build ${image} --format qcow2 makes one`,
        },
      );
    }
    throw new UserError(`${image} is neither a file nor a profile with outputs in ${outputDir}`, {
      hint: '--output DIR says where outputs are; imgbuild build makes them',
    });
  });
}

/** Boots in the builder that is around this process. */
async function bootHere(context: Context, files: readonly string[], options: Options): Promise<ExitCode> {
  const stop = new AbortController();
  const own = options.launched === true ? undefined : takeKeyboard();
  if (own === undefined) {
    process.stdin.on('end', () => {
      stop.abort(new UserError('the launcher is gone'));
    });
  } else
    own.escape.addEventListener('abort', () => {
      stop.abort();
    });
  const session: SessionOptions = {
    cacheDir: cacheDirectory(),
    workDir: mountWork('/work', 'auto'),
    accelerator: options.accelerator,
    memoryMiB: Math.floor(options.memory / MIB),
    cpus: options.cpus,
    firmware: options.firmware,
    secureBoot: options.secureBoot ?? false,
    bus: options.diskBus,
    nic: options.nic,
    diskBytes: options.diskSize,
    network: networkOf(options),
    keepDir: options.keep,
    tpm: options.tpm,
    signal: AbortSignal.any([stop.signal, interruption()]),
    say: (text) => {
      context.log.info(text);
    },
  };
  try {
    await bootSession(files, session, { input: own?.input ?? process.stdin, output: process.stdout });
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    own?.release();
    process.stdin.destroy();
  }
  return EXIT.ok;
}

/** A container's ports are published by its engine; the embedded builder has the network of this machine. */
function networkOf({ ssh }: Options): SessionOptions['network'] {
  if (ssh === undefined || ssh === true) return { type: 'open' };
  return { type: 'open', ssh: { address: process.env['IMGBUILD_LISTEN'] ?? '0.0.0.0', port: ssh } };
}

async function bootInBuilder(context: Context, files: readonly string[], options: Options): Promise<ExitCode> {
  const { mounts, inside, known } = placeFiles(files);
  if (options.keep !== undefined) {
    mounts.push({ source: path.resolve(options.keep), target: KEPT, readonly: false });
  }
  const ssh = options.ssh === true ? await freePort() : options.ssh;
  const kvm = options.accelerator === 'tcg' ? undefined : kvmDevice();
  if (ssh !== undefined) {
    context.log.info(
      `ssh -p ${String(ssh)} -o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no USER@127.0.0.1`,
    );
  }
  context.log.info(`Ctrl-] switches the machine off; ${formatBytes(options.memory)} of memory`);
  const keyboard = takeKeyboard();
  const signal = AbortSignal.any([interruption(), keyboard.escape]);
  try {
    const exit = await runInBuilder(context, {
      argv: ['boot', '--launched', ...argumentsOf(options, ssh), '--', ...inside],
      mounts,
      engine: options.engine,
      signal,
      stream: { input: keyboard.input, output: process.stdout },
      onError: (line) => process.stderr.write(`${known(line)}\n`),
      ...(kvm === undefined ? {} : { devices: [kvm] }),
      ...(ssh === undefined ? {} : { ports: [ssh] }),
    });
    return exit as ExitCode;
  } catch (error) {
    if (!keyboard.escape.aborted) throw error;
    return EXIT.ok;
  } finally {
    keyboard.release();
  }
}

function argumentsOf(options: Options, ssh: number | undefined): string[] {
  const value = (name: string, given: string | number | undefined): string[] =>
    given === undefined ? [] : [name, String(given)];
  return [
    ...value('--memory', options.memory),
    ...value('--cpus', options.cpus),
    ...value('--firmware', options.firmware),
    ...value('--disk-size', options.diskSize),
    ...value('--disk-bus', options.diskBus),
    ...value('--nic', options.nic),
    ...value('--accelerator', options.accelerator),
    ...value('--ssh', ssh),
    ...(options.secureBoot === true ? ['--secure-boot'] : []),
    ...(options.tpm === true ? ['--tpm'] : []),
    ...(options.keep === undefined ? [] : ['--keep', KEPT]),
  ];
}

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
