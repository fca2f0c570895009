import { drawDisk } from '../disk/draw.js';
import { formatBytes } from '../units.js';
import type { BuildPlan, PhaseItem, StageForecast, Step } from './types.js';

/** Columns that a plan takes: it is read in logs and in mails, too. */
const WIDTH = 100;

/** A plan for people: what goes in, and what each stage would do or take from the cache. */
export function describePlan(plan: BuildPlan, forecasts: Readonly<Record<string, StageForecast>>): string {
  const { shared, extra } = plan.packages;
  const lines = [
    `${plan.profile}: Debian ${plan.suite} for ${plan.architecture}, as ${plan.outputs.join(', ')}`,
    '',
    `collections  ${wrap(plan.collections, 13)}`,
    `packages     ${wrap(shared, 13)}`,
    ...(extra.length === 0 ? [] : [`  more       ${wrap(extra, 13)}`]),
    ...(plan.maxSize === undefined ? [] : [`at most      ${formatBytes(plan.maxSize.bytes)} of files`]),
    ...(plan.secrets.length === 0 ? [] : [`secrets      ${plan.secrets.join(', ')}`]),
    '',
    ...plan.disks.flatMap((disk) => [drawDisk(disk, WIDTH), '']),
    ...plan.stages.flatMap((stage) => {
      const forecast = forecasts[stage.name];
      const state = forecast === undefined ? '' : forecast.state === 'hit' ? 'cached' : 'to build';
      const why = forecast === undefined || forecast.why === '' ? '' : `  (${forecast.why})`;
      return [
        `${stage.name.padEnd(10)} ${state.padEnd(9)}${stage.digest.slice(0, 12)}${why}`,
        ...stage.steps.flatMap(stepLines),
      ];
    }),
  ];
  return lines.join('\n');
}

function stepLines(step: Step): string[] {
  if (step.kind !== 'phase') return [`  ${step.title}`];
  return [`  ${step.title}`, ...step.items.map((item) => `    ${itemLine(item)}`)];
}

function itemLine(item: PhaseItem): string {
  if (item.kind === 'hook') return `hook     ${item.collection}: ${item.name}`;
  const files = item.entries.filter((entry) => entry.kind !== 'directory').length;
  return `overlay  ${item.collection} (${String(files)} ${files === 1 ? 'file' : 'files'})`;
}

/** Words in lines of at most WIDTH columns, the further ones indented. */
function wrap(words: readonly string[], indent: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of words) {
    if (line !== '' && indent + line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].join(`\n${' '.repeat(indent)}`);
}
