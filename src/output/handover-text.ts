import type { FormatFacts } from './handover.js';

/** A chapter of the hand-over text. */
export interface Chapter {
  readonly title: string;
  readonly text: string;
}

/** Name of the file that matters most. */
export function first({ files }: FormatFacts): string {
  return files[0] ?? '';
}

/** Lines as Markdown shows them as they are. */
export function code(...lines: readonly string[]): string {
  return lines.map((line) => `    ${line}`).join('\n');
}
