import { createHash } from 'node:crypto';
import { optionEnvName, optionEnvValue } from '../config/options.js';
import { FORMAT_NAMES } from '../config/formats.js';
import type { Storage } from '../config/layout.js';
import { SUITES } from '../config/suites.js';
import type { BuildConfig, Hook, OptionValue, Phase, ResolvedCollection } from '../config/types.js';
import { diskFacts } from '../disk/facts.js';
import { planDisks } from '../disk/plan.js';
import { crypttabText, fstabText, mdadmText } from '../disk/tables.js';
import type { DiskFacts, DiskPlan } from '../disk/types.js';
import { digestOf } from '../digest.js';
import { FORMATS } from '../output/table.js';
import type { Machine } from '../output/types.js';
import { formatBytes } from '../units.js';
import type { AptPlan, BuildPlan, Input, PhaseItem, Stage, StageName, Step } from './types.js';

/** Raised when the meaning of a stage's inputs changes, so that no cache entry of an older program is taken for current. */
const PLAN_FORMAT = 1;

/** Phases that run inside the bootstrap, before the packages they prepare for. */
const BASE_PHASES: readonly Phase[] = ['setup', 'extract', 'essential'];

/**
 * Decides everything that a build will do. Pure: equal configurations give equal plans, whatever the machine.
 *
 * Stages, each keyed by its own inputs and those of the stage before:
 * - `base`: the suite with the packages that collections name unconditionally, so profiles of a suite share it;
 * - `packages`: what conditions and the profile add to that;
 * - `configure`: customize overlays and hooks;
 * - `assemble`: the disks of a machine, in files; only with a storage;
 * - `output`: the files the user gets.
 */
export function makePlan(config: BuildConfig): BuildPlan {
  const apt = aptPlan(config);
  const disks = config.storage === undefined ? [] : planDisks(config.storage, config.seed);
  const facts = config.storage === undefined ? {} : diskFacts(config.storage, disks);
  const base = baseStage(config, apt, facts);
  const packages = packagesStage(config, base);
  const configure = configureStage(config, packages, disks, facts);
  const assemble = disks.length === 0 ? [] : [assembleStage(configure, disks)];
  const machine = config.storage === undefined ? undefined : machineOf(config, config.storage);
  const output = outputStage(config, assemble[0] ?? configure, machine);
  return {
    profile: config.profile,
    suite: config.suite,
    architecture: config.architecture,
    apt,
    options: config.options,
    collections: config.collections.map((c) => c.name),
    packages: config.packages,
    secrets: Object.keys(config.secrets).sort(),
    outputs: config.outputs,
    ...(config.maxSize === undefined ? {} : { maxSize: config.maxSize }),
    disks,
    ...(machine === undefined ? {} : { machine }),
    stages: [base, packages, configure, ...assemble, output],
  };
}

function aptPlan(config: BuildConfig): AptPlan {
  return {
    mirror: text(config, 'apt.mirror'),
    securityMirror: text(config, 'apt.securityMirror'),
    updates: flag(config, 'apt.updates'),
    components: list(config, 'apt.components'),
    variant: text(config, 'apt.variant'),
    sources: records(config, 'apt.sources'),
    mergedUsr: flag(config, 'mergedUsr'),
  };
}

function baseStage(config: BuildConfig, apt: AptPlan, facts: DiskFacts): Stage {
  const phases = BASE_PHASES.map((phase) => phaseStep(config, phase, facts)).filter((s) => s !== undefined);
  const steps: Step[] = [
    ...phases,
    {
      kind: 'bootstrap',
      title: `${config.suite} with ${String(config.packages.shared.length)} named packages`,
      packages: config.packages.shared,
    },
  ];
  const inputs: Input[] = [
    { name: 'plan format', digest: String(PLAN_FORMAT) },
    { name: 'suite', digest: config.suite },
    { name: 'architecture', digest: config.architecture },
    { name: 'apt sources', digest: digestOf(apt) },
    { name: 'shared packages', digest: digestOf(config.packages.shared) },
    ...BASE_PHASES.flatMap((phase) => phaseInputs(config, phase, facts)),
  ];
  return stage('base', '', inputs, steps);
}

function packagesStage(config: BuildConfig, before: Stage): Stage {
  const extra = config.packages.extra;
  const steps: Step[] =
    extra.length === 0
      ? []
      : [{ kind: 'install', title: `${String(extra.length)} more named packages`, packages: extra }];
  return stage('packages', before.digest, [{ name: 'packages', digest: digestOf(extra) }], steps);
}

function configureStage(config: BuildConfig, before: Stage, disks: readonly DiskPlan[], facts: DiskFacts): Stage {
  const step = phaseStep(config, 'customize', facts);
  // Before the hooks, which may add to them.
  const files = [
    writeStep('etc/fstab', disks.length === 0 ? '' : fstabText(disks)),
    writeStep('etc/crypttab', crypttabText(disks)),
    writeStep('etc/mdadm/mdadm.conf', mdadmText(disks)),
  ].filter(({ text }) => text !== '');
  const steps: Step[] = [
    ...files,
    ...(step === undefined ? [] : [step]),
    { kind: 'clean', title: 'remove what a build leaves behind' },
  ];
  const inputs = [
    ...files.map(({ path, text }) => ({ name: `file ${path}`, digest: digestOf(text) })),
    ...phaseInputs(config, 'customize', facts),
  ];
  return stage('configure', before.digest, inputs, steps);
}

function writeStep(path: string, text: string): Extract<Step, { kind: 'write' }> {
  return { kind: 'write', title: `write /${path}`, path, text };
}

function assembleStage(before: Stage, disks: readonly DiskPlan[]): Stage {
  const inputs = disks.map((disk) => ({ name: `disk ${disk.name}`, digest: digestOf(disk) }));
  const steps = disks.map((disk): Step => {
    const partitions = `${String(disk.partitions.length)} partition${disk.partitions.length === 1 ? '' : 's'}`;
    return { kind: 'assemble', title: `disk ${disk.name}, ${formatBytes(disk.bytes)}, ${partitions}`, disk };
  });
  return stage('assemble', before.digest, inputs, steps);
}

function outputStage(config: BuildConfig, before: Stage, machine: Machine | undefined): Stage {
  const formats = FORMAT_NAMES.filter((name) => config.outputs.includes(name)).map((name) => FORMATS[name]);
  const options = [...new Set(formats.flatMap((format): readonly string[] => format.options))].sort();
  const inputs: Input[] = [
    { name: 'outputs', digest: digestOf(config.outputs) },
    ...options.map((name) => ({ name: `option ${name}`, digest: digestOf(config.options[name] ?? '') })),
    ...(machine === undefined ? [] : [{ name: 'machine', digest: digestOf(machine) }]),
  ];
  const steps = config.outputs.map((format): Step => ({ kind: 'pack', title: format, format }));
  return stage('output', before.digest, inputs, steps);
}

/** The virtual machine that hand-over commands and machine formats describe. */
function machineOf(config: BuildConfig, storage: Storage): Machine {
  const version = Object.entries(SUITES).find(([name]) => name === config.suite)?.[1].version;
  return {
    name: config.profile,
    debian: Number(version) || 0,
    architecture: config.architecture,
    firmware: storage.firmware === 'bios' ? 'bios' : 'uefi',
    secureBoot: flag(config, 'boot.secureBoot'),
    cpus: number(config, 'vm.cpus'),
    memoryMiB: number(config, 'vm.memory'),
  };
}

function stage(name: StageName, before: string, inputs: readonly Input[], steps: readonly Step[]): Stage {
  return { name, digest: digestOf({ name, before, inputs }), inputs, steps };
}

/** Overlays in collection order, then hooks by number, collection order and name. */
function phaseStep(config: BuildConfig, phase: Phase, facts: DiskFacts): Step | undefined {
  const items: PhaseItem[] = [
    ...overlaysOf(config.collections, phase).map(({ collection, entries }): PhaseItem => ({
      kind: 'overlay',
      collection,
      entries,
    })),
    ...hooksOf(config.collections, phase).map((hook): PhaseItem => hookItem(config, hook, facts)),
  ];
  if (items.length === 0) return undefined;
  return { kind: 'phase', title: `${phase} phase`, phase, items };
}

function hookItem(config: BuildConfig, hook: Hook, facts: DiskFacts): PhaseItem {
  return {
    kind: 'hook',
    collection: hook.collection,
    name: hook.name,
    file: hook.file,
    ...(hook.files === undefined ? {} : { files: hook.files }),
    env: hookEnvironment(config, hook, facts),
    secrets: hook.secrets.filter((name) => config.secrets[name] !== undefined),
  };
}

/** The variables of a hook: the fixed few, and the options that its text mentions. */
function hookEnvironment(config: BuildConfig, hook: Hook, facts: DiskFacts): Record<string, string> {
  const env: Record<string, string> = {
    ARCH: config.architecture,
    COLLECTION: hook.collection,
    PHASE: hook.phase,
    SUITE: config.suite,
  };
  for (const name of [...hook.options].sort()) {
    const value = config.options[name];
    if (value !== undefined) env[optionEnvName(name)] = optionEnvValue(value);
  }
  for (const name of hook.disk) env[name] = facts[name] ?? '';
  return env;
}

function phaseInputs(config: BuildConfig, phase: Phase, facts: DiskFacts): Input[] {
  const overlays = overlaysOf(config.collections, phase).map(({ collection, entries }) => ({
    name: `overlay ${collection} (${phase})`,
    digest: digestOf(entries.map((entry) => ({ ...entry, source: undefined }))),
  }));
  const hooks = hooksOf(config.collections, phase);
  const scripts = hooks.map((hook) => ({
    name: `hook ${hook.collection}/${phase}/${hook.name}`,
    digest: createHash('sha256').update(`${hook.sha256} ${hook.filesDigest}`).digest('hex'),
  }));
  const optionNames = [...new Set(hooks.flatMap((hook) => hook.options))].sort();
  const options = optionNames.map((name) => ({ name: `option ${name}`, digest: digestOf(config.options[name]) }));
  const secrets = [...new Set(hooks.flatMap((hook) => hook.secrets))]
    .sort()
    .map((name) => ({ name: `secret ${name}`, digest: config.secrets[name] === undefined ? 'absent' : 'given' }));
  const disk = [...new Set(hooks.flatMap((hook) => hook.disk))]
    .sort()
    .map((name) => ({ name: `${name} of the disk`, digest: digestOf(facts[name] ?? '') }));
  return [...overlays, ...scripts, ...options, ...secrets, ...disk];
}

function overlaysOf(collections: readonly ResolvedCollection[], phase: Phase) {
  return collections.flatMap((c) => c.overlays).filter((overlay) => overlay.phase === phase);
}

function hooksOf(collections: readonly ResolvedCollection[], phase: Phase): Hook[] {
  const numbered = collections.flatMap((collection, order) =>
    collection.hooks
      .filter((hook) => hook.phase === phase)
      .map((hook) => ({ hook, order, number: Number.parseInt(hook.name, 10) })),
  );
  numbered.sort(
    (a, b) =>
      (Number.isNaN(a.number) ? Infinity : a.number) - (Number.isNaN(b.number) ? Infinity : b.number) ||
      a.order - b.order ||
      (a.hook.name < b.hook.name ? -1 : 1),
  );
  return numbered.map(({ hook }) => hook);
}

function option(config: BuildConfig, name: string): OptionValue {
  const value = config.options[name];
  if (value === undefined) throw new Error(`option ${name} is not declared`);
  return value;
}

function text(config: BuildConfig, name: string): string {
  const value = option(config, name);
  return typeof value === 'string' ? value : '';
}

function number(config: BuildConfig, name: string): number {
  const value = option(config, name);
  return typeof value === 'number' ? value : 0;
}

function flag(config: BuildConfig, name: string): boolean {
  return option(config, name) === true;
}

function list(config: BuildConfig, name: string): readonly string[] {
  const value = option(config, name);
  return Array.isArray(value) ? value.map(String) : [];
}

function records(config: BuildConfig, name: string): AptPlan['sources'] {
  const value = option(config, name);
  if (!Array.isArray(value)) return [];
  return value.filter((item): item is AptPlan['sources'][number] => typeof item === 'object');
}
