import { mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { EMERGENCY, lastLines, SILENT, watch, type ConsoleState } from './boot-console.js';
import { bootFindings } from './boot-findings.js';
import type { BootName, BootReport, BootRun } from './boot-types.js';
import { withMachine, type MachineOptions, type PreparedMachine } from './machine-options.js';
import { machineFacts } from './probe-facts.js';
import { enlarge, injectParameters } from './probe-inject.js';
import { EMULATED_PARAMETERS, probeCredentials, probeParameters, shellOn, type Shell } from './probe-shell.js';
import type { DiskSource, Firmware, MachineSpec } from './qemu-arguments.js';
import { copyRaw, createOverlay } from './qemu-images.js';
import { chooseFirmware, startMachine, type Running } from './qemu-machine.js';

/** How a verification boots. */
export interface BootOptions extends MachineOptions {
  /** By how many bytes the machine's disk is larger than the image. */
  readonly grow: number;
  /** For each boot. */
  readonly timeoutSeconds: number;
}

/** How long a machine may take to switch itself off. */
const POWER_OFF_MS = 120_000;

/** For answers, once the boot is over: emulated machines take seconds for each process. */
const ASK_MS = 240_000;

interface Bench extends PreparedMachine {
  readonly options: BootOptions;
}

/**
 * Boots the machine in an image three times and tells what came of it: a new machine, the same machine once more, and
 * another new one, whose identities must be others. The image is not written to.
 *
 * @param files the disks of one machine, the one that boots first.
 * @throws UserError when the files hold no machine; whatever happens in the machine is a finding.
 */
export async function bootReport(files: readonly string[], options: BootOptions): Promise<BootReport> {
  return await withMachine(files, options, async (machine) => {
    const { directory, signal, image, others, table, accelerator, hardware } = machine;
    const bench: Bench = { ...machine, options };
    const { say } = options;
    const how = accelerator === 'kvm' ? 'with KVM' : `emulated: ${machine.why}`;
    say(`${how}; disks on ${hardware.bus}, network on ${hardware.nic}`);
    const base = await copyRaw(image, join(directory, 'base.raw'), signal);
    const imageBytes = statSync(base.file).size;
    if (options.grow > 0) enlarge(base.file, options.grow);
    const unasked = await injectParameters(base.file, table, parametersFor(bench), bench);
    if (unasked !== undefined) say(`${unasked}: only systemd 256 and later can be asked`);

    const [boots, firmware] = await bootAll(bench, [base, ...others]);
    const facts = {
      images: files,
      accelerator,
      firmware: firmware.type,
      secureBoot: options.secureBoot,
      ...hardware,
      disk: { image: imageBytes, machine: statSync(base.file).size },
      boots,
    };
    return { ...facts, findings: bootFindings(facts) };
  });
}

function parametersFor({ architecture, accelerator }: Pick<Bench, 'architecture' | 'accelerator'>): string {
  const probe = probeParameters(architecture);
  return accelerator === 'tcg' ? `${probe} ${EMULATED_PARAMETERS}` : probe;
}

async function bootAll(bench: Bench, base: readonly DiskSource[]): Promise<[BootRun[], Firmware]> {
  const prepare = async (name: BootName): Promise<Instance> => {
    const directory = join(bench.directory, name);
    mkdirSync(directory);
    const overlays = base.map((disk, n) =>
      createOverlay(disk, join(directory, `disk${String(n)}.qcow2`), undefined, bench.signal),
    );
    return { directory, disks: await Promise.all(overlays), firmware: firmwareFor(bench, directory) };
  };
  const [one, two] = [await prepare('first'), await prepare('other')];
  const [first, other] = await Promise.all([bootOnce(bench, 'first', one), bootOnce(bench, 'other', two)]);
  rmSync(two.directory, { recursive: true });
  if (first.seconds.powerOff === undefined) return [[first, other], one.firmware];
  // What the first boot has written of GRUB's configuration is what the second one starts from.
  const [disk, ...others] = one.disks;
  if (disk === undefined) throw new Error('bootAll: no disk');
  const copy = await copyRaw(disk, join(bench.directory, 'second.raw'), bench.signal);
  await injectParameters(copy.file, bench.table, parametersFor(bench), bench);
  const directory = join(bench.directory, 'again');
  mkdirSync(directory);
  const again = { directory, disks: [copy, ...others], firmware: firmwareFor(bench, directory) };
  return [[first, await bootOnce(bench, 'second', again), other], one.firmware];
}

interface Instance {
  readonly directory: string;
  readonly disks: readonly DiskSource[];
  readonly firmware: Firmware;
}

/** With variables as the factory leaves them, each time. */
function firmwareFor(bench: Bench, directory: string): Firmware {
  return chooseFirmware(bench, bench.options, directory);
}

async function bootOnce(bench: Bench, name: BootName, instance: Instance): Promise<BootRun> {
  const { options, signal } = bench;
  const spec: Omit<MachineSpec, 'monitor' | 'probe'> = {
    architecture: bench.architecture,
    accelerator: bench.accelerator,
    steadyClock: true,
    // Two machines run at once, and threads of one that wait for each other take the time of the other.
    cpus: bench.accelerator === 'tcg' ? 1 : options.cpus,
    memoryMiB: options.memoryMiB,
    firmware: instance.firmware,
    disks: instance.disks,
    ...bench.hardware,
    network: { type: 'closed' },
    oemStrings: probeCredentials(bench.architecture),
  };
  const machine = await startMachine({ ...spec, probe: true }, instance.directory, signal);
  try {
    return await observe(bench, name, machine);
  } finally {
    machine.kill();
    await machine.off.catch(() => undefined);
  }
}

async function observe(bench: Bench, name: BootName, machine: Running): Promise<BootRun> {
  const { options, signal } = bench;
  const start = performance.now();
  const elapsed = (): number => Math.round((performance.now() - start) / 100) / 10;
  const over = new AbortController();
  const limit = AbortSignal.any([AbortSignal.timeout(options.timeoutSeconds * 1000), over.signal, signal]);
  let state: ConsoleState = SILENT;
  machine.console.output.setEncoding('latin1').on('data', (text: string) => {
    const before = state;
    state = watch(state, text, elapsed());
    if (before.login === undefined && state.login !== undefined)
      options.say(`${name} boot: login after ${String(state.login)} s`);
    if (state.trouble === undefined) return;
    if (before.trouble === undefined) options.say(`${name} boot: ${state.trouble.what}`);
    over.abort();
  });
  void machine.off
    .catch(() => undefined)
    .then(() => {
      over.abort();
    });
  const shell = machine.probe === undefined ? undefined : shellOn(machine.probe);
  const ended = shell !== undefined && (await shell.booted(limit)) ? elapsed() : undefined;
  signal.throwIfAborted();
  const answers = await question(shell, state, signal);
  // systemd has nothing to do any more in emergency mode, too, and may say so before the console does.
  const trouble = state.trouble ?? (answers.facts?.state === 'maintenance' ? EMERGENCY : undefined);
  const booted = trouble === undefined ? ended : undefined;
  if (booted !== undefined) options.say(`${name} boot: finished after ${String(booted)} s`);
  else if (trouble !== state.trouble) options.say(`${name} boot: ${EMERGENCY.what}`);
  // The second boot goes as platforms end machines.
  const powerOffBy = name === 'second' || shell === undefined ? 'button' : 'command';
  const powerOff = booted === undefined ? undefined : await switchOff(machine, shell, powerOffBy);
  signal.throwIfAborted();
  const { login } = state;
  return {
    name,
    seconds: {
      ...(login === undefined ? {} : { login }),
      ...(booted === undefined ? {} : { booted }),
      ...(powerOff === undefined ? {} : { powerOff }),
    },
    ...(trouble === undefined ? {} : { trouble }),
    powerOffBy,
    restarts: machine.monitor.resets(),
    ...answers,
    console: lastLines(state, 8),
  };
}

async function question(
  shell: Shell | undefined,
  state: ConsoleState,
  signal: AbortSignal,
): Promise<Pick<BootRun, 'facts' | 'unasked'>> {
  if (state.trouble !== undefined && shell?.taken() !== true) return {};
  if (shell?.taken() !== true) return { unasked: 'no shell came on the second serial port' };
  const answers = await shell.ask(AbortSignal.any([AbortSignal.timeout(ASK_MS), signal]));
  if (answers.state === undefined) return { unasked: 'the shell on the second serial port did not answer' };
  return { facts: machineFacts(answers) };
}

/** Seconds that it took, or undefined when the machine is still on. */
async function switchOff(
  machine: Running,
  shell: Shell | undefined,
  by: BootRun['powerOffBy'],
): Promise<number | undefined> {
  const start = performance.now();
  if (by === 'button') machine.monitor.powerButton();
  else shell?.powerOff();
  const timer = AbortSignal.timeout(POWER_OFF_MS);
  const late = new Promise<false>((resolve) => {
    timer.addEventListener('abort', () => {
      resolve(false);
    });
  });
  const off = await Promise.race([machine.off.then(() => true), late]);
  return off ? Math.round((performance.now() - start) / 100) / 10 : undefined;
}
