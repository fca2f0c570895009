import { SUITES } from '../config/suites.js';
import type { BuildPlan } from '../plan/types.js';
import type { BuildSettings } from './types.js';

/** The part of a name that says what the image is, and its suffix. */
export const ROOTFS = 'rootfs';
export const TARBALL = '.tar.zst';

/** Day and second of an output, as in `2026-11-23_1795405842`. */
export interface Stamp {
  readonly day: string;
  readonly seconds: number;
}

/** The moment in UTC, so that machines in different time zones agree; SOURCE_DATE_EPOCH when that is given. */
export function stampOf(settings: BuildSettings, now: Date): Stamp {
  const seconds = settings.sourceDateEpoch ?? Math.floor(now.getTime() / 1000);
  return { day: new Date(seconds * 1000).toISOString().slice(0, 10), seconds };
}

/** `<profile>_<what>_<day>_<seconds><suffix>` */
export function imageName(profile: string, what: string, stamp: Stamp, suffix: string): string {
  return `${profile}_${what}_${stamp.day}_${String(stamp.seconds)}${suffix}`;
}

/**
 * A name that Proxmox VE's template list takes apart: `debian-12-<profile>_<version>-<day>_<architecture>.tar.zst`.
 * The version starts with a digit and holds no underscore (pve-manager, aplinfo/README.format).
 */
export function proxmoxName(plan: BuildPlan, debianVersion: string, stamp: Stamp, suffix: string): string {
  const release = Object.entries(SUITES).find(([name]) => name === plan.suite)?.[1].version ?? plan.suite;
  // sid has no number, and a version must begin with one: the day alone then.
  const number = /^\d[0-9.]*$/.test(debianVersion) ? debianVersion : release;
  const day = stamp.day.replaceAll('-', '');
  const version = /^\d/.test(number) ? `${number}-${day}` : day;
  const profile = plan.profile.replaceAll(/[^A-Za-z0-9.-]/g, '-');
  return `debian-${release}-${profile}_${version}_${plan.architecture}${suffix}`;
}

/** The link that always names the newest output. */
export function linkName(profile: string, what: string, suffix: string): string {
  return `${profile}_${what}${suffix}`;
}
