import type { Facts } from './facts.js';

/** `error`: the platform refuses the image or it leaks something; `warning`: it works worse; `info`: worth knowing. */
export type Severity = 'error' | 'warning' | 'info';

/** What an image is meant for. An image may be meant for several. */
export const PLATFORMS = [
  'proxmox-ct',
  'proxmox-vm',
  'oci',
  'incus',
  'hyper-v',
  'azure',
  'vmware',
  'hardware',
] as const;
export type Platform = (typeof PLATFORMS)[number];

/** One thing that a rule or a boot found. */
export interface Finding {
  /** Stable: docs and scripts refer to it. */
  readonly id: string;
  readonly severity: Severity;
  readonly message: string;
  /** What to do about it. */
  readonly hint: string;
  /** A path in the image, a member of an archive, an element of a document, a unit. */
  readonly where?: string;
}

/** What is wrong, as a rule's check tells it. */
export interface Offence {
  readonly message: string;
  readonly where?: string;
}

/** What a rule says about itself. */
interface RuleText {
  readonly id: string;
  readonly severity: Severity;
  /** What holds in a good image. */
  readonly title: string;
  /** Who demands it, and what happens otherwise. */
  readonly source: string;
  /** What to do when it does not hold. */
  readonly advice: string;
}

export interface Rule extends RuleText {
  /** The platforms that it holds for; all of them when there are none. */
  readonly platforms: readonly Platform[];
  /** Undefined when the image has nothing that the rule is about. */
  readonly check: (facts: Facts) => readonly Offence[] | undefined;
}

/** The parts of the facts that may be missing. */
type Part = Exclude<keyof Facts, 'file'>;

/** A rule about one part of an image: it is not asked where that part is missing. */
export function ruleOn<P extends Part>(
  part: P,
  platforms: readonly Platform[],
  text: RuleText & { readonly check: (value: NonNullable<Facts[P]>, facts: Facts) => readonly Offence[] },
): Rule {
  return {
    ...text,
    platforms,
    check: (facts) => {
      const value = facts[part];
      return value === undefined ? undefined : text.check(value, facts);
    },
  };
}

/** The offence with this message when the condition holds. */
export function when(condition: boolean, message: string, where?: string): readonly Offence[] {
  return condition ? [{ message, ...(where === undefined ? {} : { where }) }] : [];
}
