import type { Facts } from './facts.js';
import { RULES } from './rules/index.js';
import type { Finding, Platform } from './types.js';

/** What the rules say about an image. */
export interface Judgement {
  readonly findings: readonly Finding[];
  /** How many rules were about something that the image has. */
  readonly asked: number;
}

const ORDER = { error: 0, warning: 1, info: 2 } as const;

/** Asks all rules of these platforms, and those that hold everywhere; the worst comes first. */
export function judge(facts: Facts, platforms: readonly Platform[]): Judgement {
  let asked = 0;
  const findings = RULES.flatMap((rule): Finding[] => {
    if (rule.platforms.length > 0 && !rule.platforms.some((platform) => platforms.includes(platform))) return [];
    const offences = rule.check(facts);
    if (offences === undefined) return [];
    asked += 1;
    return offences.map((offence) => ({ id: rule.id, severity: rule.severity, hint: rule.advice, ...offence }));
  });
  return { findings: findings.sort((a, b) => ORDER[a.severity] - ORDER[b.severity]), asked };
}
