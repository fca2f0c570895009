import type { BuildPlan, PhaseItem, Step } from './types.js';

/** Collections that are about disks and starting from them, and nothing else. */
const ABOUT_STORAGE = /^(?:(?:bootable|hardware|snapper)(?:\/|$)|firstboot\/vm$)/;

/**
 * The plan for a root filesystem that somebody has made already: of its stage `configure` only what storage and starting
 * need is left, so accounts, services and the network stay as they are.
 *
 * @param fstab lines that are added to the planned ones.
 */
export function storageOnly(plan: BuildPlan, fstab: readonly string[]): BuildPlan {
  const stages = plan.stages.map((stage) =>
    stage.name === 'configure' ? { ...stage, steps: stage.steps.map((step) => narrowed(step, fstab)) } : stage,
  );
  return { ...plan, stages };
}

function narrowed(step: Step, fstab: readonly string[]): Step {
  if (step.kind === 'phase') return { ...step, items: step.items.filter(isAboutStorage) };
  if (step.kind !== 'write' || step.path !== 'etc/fstab') return step;
  return { ...step, text: step.text + fstab.map((line) => `${line}\n`).join('') };
}

function isAboutStorage({ collection }: PhaseItem): boolean {
  return ABOUT_STORAGE.test(collection);
}
