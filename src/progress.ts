import type { BuildEvent, BuildResult } from './exec/types.js';
import type { Level, Logger } from './log.js';
import { styled, type Screen } from './screen.js';
import { formatBytes, formatSeconds } from './units.js';

type StageEvent = Extract<BuildEvent, { type: 'stage' }>;
type StepEvent = Extract<BuildEvent, { type: 'step' }>;

/** What is going on in the build of one profile. Times are seconds of any clock. */
export interface Activity {
  readonly profile: string;
  readonly stage: string;
  readonly since: number;
  readonly step?: StepEvent;
  /** The latest word of a tool, e.g. how much it has downloaded. */
  readonly note?: string;
}

/** All that was said so far, in the order of the stages. */
export interface Progress {
  readonly activities: readonly Activity[];
  readonly finished: readonly StageEvent[];
  readonly results: readonly BuildResult[];
}

export const NO_PROGRESS: Progress = { activities: [], finished: [], results: [] };

/** What is known after another event. */
export function advance(progress: Progress, event: BuildEvent, now: number): Progress {
  switch (event.type) {
    case 'stage':
      return event.state === 'start' ? startStage(progress, event, now) : finishStage(progress, event);
    case 'step':
      return amend(progress, { profile: event.profile, stage: event.stage, since: now }, ({ stage, since, profile }) =>
        stage === event.stage
          ? { profile, stage, since, step: event }
          : { profile, stage: event.stage, since: now, step: event },
      );
    case 'progress':
      return amend(progress, { profile: event.profile, stage: '', since: now }, (activity) => ({
        ...activity,
        note: event.text,
      }));
    case 'result':
      return {
        ...progress,
        activities: without(progress, event.result.profile),
        results: [...progress.results, event.result],
      };
    case 'error':
      return { ...progress, activities: without(progress, event.error.profile) };
    case 'log':
      return progress;
  }
}

function startStage(progress: Progress, event: StageEvent, now: number): Progress {
  const activity = { profile: event.profile, stage: event.stage, since: now };
  return { ...progress, activities: [...without(progress, event.profile), activity] };
}

function finishStage(progress: Progress, event: StageEvent): Progress {
  return { ...progress, activities: without(progress, event.profile), finished: [...progress.finished, event] };
}

function without(progress: Progress, profile: string): Activity[] {
  return progress.activities.filter((activity) => activity.profile !== profile);
}

function amend(progress: Progress, fresh: Activity, change: (activity: Activity) => Activity): Progress {
  const known = progress.activities.find((activity) => activity.profile === fresh.profile);
  return { ...progress, activities: [...without(progress, fresh.profile), change(known ?? fresh)] };
}

/**
 * The live line: the latest activity with its stage, step and time, and how many others there are. Cut to the width
 * of the terminal, because a line that wraps cannot be written over.
 */
export function liveLine(progress: Progress, now: number, width: number): string {
  const activity = progress.activities.at(-1);
  if (activity === undefined) return '';
  const { profile, stage, step, note, since } = activity;
  const place = step === undefined ? stage : `${stage} ${String(step.n)}/${String(step.total)}`;
  const others = progress.activities.length - 1;
  const parts = [
    [profile, place].filter((part) => part !== '').join(': '),
    ...(step === undefined ? [] : [step.title]),
    ...(note === undefined ? [] : [note]),
    ...(others === 0 ? [] : [`${String(others)} more ${others === 1 ? 'build' : 'builds'}`]),
  ];
  const time = ` ${formatSeconds(Math.max(0, now - since))}`;
  return cut(parts.join(' · '), width - time.length - 1) + time;
}

function cut(text: string, width: number): string {
  const flat = text.replace(/\s+/g, ' ');
  return flat.length <= width ? flat : `${flat.slice(0, Math.max(0, width - 1))}…`;
}

/** The line that stays for an event, for logs and for terminals; undefined for what is not worth one. */
export function eventLine(event: BuildEvent): { readonly level: Level; readonly text: string } | undefined {
  switch (event.type) {
    case 'stage':
      return event.state === 'start' ? undefined : { level: 'info', text: stageLine(event) };
    case 'step':
      return {
        level: 'debug',
        text: `${event.profile}: ${event.stage} ${String(event.n)}/${String(event.total)}: ${event.title}`,
      };
    case 'progress':
      return { level: 'debug', text: `${event.profile}: ${event.text}` };
    case 'log':
      return { level: event.level, text: event.text };
    case 'result':
    case 'error':
      return undefined;
  }
}

/** `deb12: packages  cached   0.1 s`, with the reason why it had to be built. */
export function stageLine(event: StageEvent): string {
  const what = event.state === 'hit' ? 'cached' : 'built';
  const time = event.seconds === undefined ? '' : `  ${formatSeconds(event.seconds).padStart(8)}`;
  const why = event.why === undefined || event.why === '' ? '' : `  (${event.why})`;
  return `${event.profile}: ${event.stage.padEnd(9)} ${what.padEnd(6)}${time}${why}`.trimEnd();
}

/** What was made, for standard output: every file with its size and digest. */
export function resultText(result: BuildResult, outputDir: string): string {
  const head =
    result.state === 'unchanged'
      ? `${result.profile}: nothing has changed since the newest image was built`
      : `${result.profile}: built in ${formatSeconds(result.seconds)}`;
  const files = result.files.map(
    ({ path, bytes, sha256, directory, fingerprint }) =>
      `  ${outputDir}/${path}\n    ${formatBytes(bytes)}  ${directory === true ? 'a directory' : `sha256 ${sha256}`}` +
      (fingerprint === undefined ? '' : `\n    Incus: fingerprint ${fingerprint}`),
  );
  return [head, ...files].join('\n');
}

/** Follows builds by their events, and shows them in the way that the output can take. */
export interface Follower {
  readonly event: (event: BuildEvent) => void;
  /** Ends the live line; returns all that was learnt. */
  readonly close: () => Progress;
}

/**
 * Shows events: on a terminal with a live line below what stays, elsewhere as plain lines, and with a JSON log as
 * one record each, where the text is for people and the field `event` for programs.
 */
export function followBuilds(output: {
  readonly screen: Screen;
  readonly log: Logger;
  readonly logFormat: 'text' | 'json';
  readonly level: Level;
}): Follower {
  const { screen, log, logFormat, level } = output;
  let progress = NO_PROGRESS;
  const show = () => {
    const text = liveLine(progress, seconds(), screen.width());
    screen.live(text === '' ? '' : styled(screen, 'dim', text));
  };
  const due = transferPace();
  const live = screen.isTerminal && logFormat === 'text' && (level === 'info' || level === 'debug');
  const timer = live ? setInterval(show, 100) : undefined;
  return {
    event: (event) => {
      progress = advance(progress, event, seconds());
      const line = eventLine(event);
      // A program that asked for records wants every one; only what is said as a log line has a level of its own.
      if (logFormat === 'json') log[event.type === 'log' ? event.level : 'info'](line?.text ?? event.type, { event });
      else if (line !== undefined) log[!live && due(event, seconds()) ? 'info' : line.level](line.text);
      if (live) show();
    },
    close: () => {
      clearInterval(timer);
      screen.live('');
      return progress;
    },
  };
}

/** Seconds between lines about a download where there is no live line. */
const TRANSFER_PACE = 5;

/** Says which of the events about downloads are worth a line that stays: none of a quick download, few of a long one. */
function transferPace(): (event: BuildEvent, now: number) => boolean {
  const last = new Map<string, number>();
  return (event, now) => {
    if (event.type !== 'progress' || event.transfer === undefined) return false;
    const before = last.get(event.profile);
    // One that begins has nothing to tell yet.
    const begins = before === undefined || event.transfer.bytes === 0;
    if (!begins && now - before < TRANSFER_PACE) return false;
    last.set(event.profile, now);
    return !begins;
  };
}

function seconds(): number {
  return performance.now() / 1000;
}
