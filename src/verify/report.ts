import { bootLines } from './boot-text.js';
import type { BootReport } from './boot-types.js';
import type { Finding, Severity } from './types.js';
import type { ImageReport } from './verify.js';

/** How many findings there are of each severity. */
export function countFindings(findings: readonly Finding[]): Readonly<Record<Severity, number>> {
  const count = (severity: Severity): number => findings.filter((finding) => finding.severity === severity).length;
  return { error: count('error'), warning: count('warning'), info: count('info') };
}

/** Whether findings are a reason to refuse an image. */
export function isRefused(findings: readonly Finding[], strict: boolean): boolean {
  const { error, warning } = countFindings(findings);
  return error > 0 || (strict && warning > 0);
}

/** The findings about one image as lines for people: what, where, and what to do about each kind once. */
export function reportLines({ image, platforms, rules, findings }: ImageReport, verbose: boolean): string[] {
  return [
    `${image} (${platforms.join(', ')}): ${String(rules)} rules, ${summary(findings)}`,
    ...findingLines(findings, verbose),
  ];
}

/** What booting has shown as lines for people. */
export function bootReportLines(report: BootReport, verbose: boolean): string[] {
  const { images, boots, findings } = report;
  return [
    `${images.join(' ')}: ${String(boots.length)} boots, ${summary(findings)}`,
    ...bootLines(report),
    ...findingLines(findings, verbose),
  ];
}

/** Findings; what to do about it stands below the last of each kind. */
function findingLines(findings: readonly Finding[], verbose: boolean): string[] {
  const told = verbose ? findings : findings.filter(({ severity }) => severity !== 'info');
  return told.flatMap(({ id, severity, message, where, hint }, n) => {
    const place = where === undefined ? '' : `${where}: `;
    const last = told[n + 1]?.id !== id;
    const line = `  ${severity.padEnd(7)} ${id}: ${place}${message}`;
    // Names in an image are anybody's: none may steer the terminal.
    return [line, ...(last ? [`          → ${hint}`] : [])].map((text) => text.replaceAll(/\p{Cc}/gu, '?'));
  });
}

/** `2 errors, 1 warning` */
function summary(findings: readonly Finding[]): string {
  const counts = countFindings(findings);
  const parts = (['error', 'warning', 'info'] as const).flatMap((severity) => {
    const n = counts[severity];
    if (n === 0) return [];
    return [severity === 'info' ? `${String(n)} for information` : `${String(n)} ${severity}${n === 1 ? '' : 's'}`];
  });
  return parts.length === 0 ? 'nothing found' : parts.join(', ');
}
