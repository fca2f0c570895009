import { afterEach, describe, expect, it, vi } from 'vitest';
import { rateOf, recent, transferText } from '../../src/exec/transfer.js';
import type { BuildEvent } from '../../src/exec/types.js';
import type { Level, Logger } from '../../src/log.js';
import {
  advance,
  eventLine,
  followBuilds,
  liveLine,
  NO_PROGRESS,
  resultText,
  stageLine,
  type Progress,
} from '../../src/progress.js';
import { createScreen } from '../../src/screen.js';

const start: BuildEvent = { type: 'stage', profile: 'web', stage: 'packages', state: 'start' };
const step: BuildEvent = { type: 'step', profile: 'web', stage: 'packages', n: 2, total: 5, title: 'install packages' };
const note: BuildEvent = { type: 'progress', profile: 'web', text: 'downloading 180 packages, 64 MB' };
const done: BuildEvent = {
  type: 'stage',
  profile: 'web',
  stage: 'packages',
  state: 'done',
  seconds: 9.12,
  why: 'package list changed',
};
const result: BuildEvent = {
  type: 'result',
  result: {
    profile: 'web',
    state: 'built',
    seconds: 12.3,
    files: [{ path: 'web/web_rootfs.tar.zst', bytes: 81_900_000, sha256: 'ab12' }],
  },
};

function after(...events: BuildEvent[]): Progress {
  return events.reduce((progress, event, n) => advance(progress, event, n), NO_PROGRESS);
}

describe('progress', () => {
  it('shows stage, step, what the tool says, and the time since the stage began', () => {
    expect(liveLine(after(start), 3, 80)).toBe('web: packages 3.0 s');
    expect(liveLine(after(start, step, note), 4, 100)).toBe(
      'web: packages 2/5 · install packages · downloading 180 packages, 64 MB 4.0 s',
    );
  });

  it('forgets what a tool said when the next step begins', () => {
    expect(liveLine(after(start, step, note, { ...step, n: 3, title: 'clean' }), 4, 80)).toBe(
      'web: packages 3/5 · clean 4.0 s',
    );
  });

  it('never is wider than the terminal, whatever it has to say', () => {
    for (const width of [10, 20, 33, 79]) {
      const line = liveLine(after(start, step, { ...note, text: `x\n${'y'.repeat(200)}` }), 4, width);
      expect(line.length).toBeLessThan(width);
      expect(line).not.toContain('\n');
    }
  });

  it('tells of other builds, and of none when all have ended', () => {
    const other: BuildEvent = { ...start, profile: 'db' };
    expect(liveLine(after(start, other), 2, 80)).toBe('db: packages · 1 more build 1.0 s');
    expect(liveLine(after(start, other, done), 2, 80)).toBe('db: packages 1.0 s');
    expect(liveLine(after(start, done), 2, 80)).toBe('');
    expect(
      liveLine(after(start, step, { type: 'error', error: { profile: 'web', exitCode: 5, message: 'no' } }), 2, 80),
    ).toBe('');
  });

  it('says of a stage how long it took and why it was not in the cache', () => {
    expect(eventLine(start)).toBeUndefined();
    expect(eventLine(done)?.text).toBe('web: packages  built      9.1 s  (package list changed)');
    expect(stageLine({ type: 'stage', profile: 'web', stage: 'configure', state: 'hit' })).toBe(
      'web: configure cached',
    );
  });

  it('keeps results and finished stages for the summary', () => {
    const progress = after(start, done, result);
    expect(progress.finished).toEqual([done]);
    expect(progress.results.map((entry) => resultText(entry, 'obj'))).toEqual([
      'web: built in 12.3 s\n  obj/web/web_rootfs.tar.zst\n    78.1 MiB  sha256 ab12',
    ]);
  });
});

function record(): { log: Logger; lines: [Level, string, unknown][] } {
  const lines: [Level, string, unknown][] = [];
  const say =
    (level: Level): Logger[Level] =>
    (text, fields) => {
      lines.push([level, text, fields]);
    };
  return { lines, log: { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') } };
}

describe('following builds', () => {
  it('writes over its own line on a terminal, and cleans up after itself', () => {
    const written: string[] = [];
    const output = { isTTY: true, columns: 60, write: (text: string) => written.push(text) > 0 };
    const screen = createScreen(output, {}, { color: false });
    const { log } = record();
    const follower = followBuilds({ screen, log, logFormat: 'text', level: 'info' });
    follower.event(start);
    follower.event(step);
    expect(written.join('')).toContain('web: packages 2/5');
    screen.line('something to keep');
    follower.close();
    expect(written.at(-1)).toBe('\r\u001b[2K');
    expect(written.join('')).toContain('\r\u001b[2Ksomething to keep\nweb: packages 2/5');
  });

  it('writes plain lines elsewhere, and steps only when much is asked for', () => {
    const written: string[] = [];
    const screen = createScreen({ write: (text: string) => written.push(text) > 0 }, {}, { color: true });
    const { log, lines } = record();
    const follower = followBuilds({ screen, log, logFormat: 'text', level: 'info' });
    for (const event of [start, step, done, result]) follower.event(event);
    expect(follower.close().results).toHaveLength(1);
    expect(written).toEqual([]);
    expect(lines.map(([level]) => level)).toEqual(['debug', 'info']);
  });

  it('gives programs every event', () => {
    const { log, lines } = record();
    const screen = createScreen({ isTTY: true, write: () => true }, {}, { color: true });
    const follower = followBuilds({ screen, log, logFormat: 'json', level: 'info' });
    const events = [start, step, note, done, result, { type: 'log', level: 'warn', text: 'odd' } as const];
    for (const event of events) follower.event(event);
    follower.close();
    expect(lines.map(([, , fields]) => fields)).toEqual(events.map((event) => ({ event })));
    expect(lines.map(([level]) => level)).toEqual(['info', 'info', 'info', 'info', 'info', 'warn']);
  });
});

const MIB = 2 ** 20;
const part = (bytes: number, rate = 8 * MIB): BuildEvent => {
  const transfer = { files: { done: bytes / MIB, total: 180 }, bytes, total: 64 * MIB, rate };
  return { type: 'progress', profile: 'web', text: transferText('downloading packages', transfer), transfer };
};

describe('downloads', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('say how many files and bytes have come of how many, and how quickly', () => {
    expect(liveLine(after(start, step, part(12 * MIB)), 3, 120)).toBe(
      'web: packages 2/5 · install packages · downloading packages 12/180, 12.0 MiB of 64.0 MiB, 8.0 MiB/s 3.0 s',
    );
  });

  it('say what is known where the number of files, the whole or the rate is not', () => {
    expect(transferText('reading the archive', { bytes: 512, rate: 0 })).toBe('reading the archive, 512 B');
  });

  it('have the rate of the last seconds', () => {
    const at = (seconds: number, bytes: number) => ({ at: seconds * 1000, bytes });
    // 1 MB/s for ten seconds, then nothing more.
    const times = Array.from({ length: 16 }, (_, second) => at(second, Math.min(second, 10) * 1e6));
    const rates = times.map((_, n) =>
      rateOf(times.slice(0, n + 1).reduce<readonly ReturnType<typeof at>[]>(recent, [])),
    );
    expect(rates[0]).toBe(0);
    expect(rates.slice(1, 11)).toEqual(Array.from({ length: 10 }, () => 1e6));
    expect(rates[12]).toBe(5e5);
    expect(rates.slice(14)).toEqual([0, 0]);
  });

  it('are a line every few seconds where there is no terminal, and none when they are quick', () => {
    vi.useFakeTimers();
    const screen = createScreen({ write: () => true }, {}, { color: false });
    const { log, lines } = record();
    const follower = followBuilds({ screen, log, logFormat: 'text', level: 'info' });
    // Twelve seconds, then another download of six.
    for (const halves of [24, 12]) {
      for (let half = 0; half <= halves; half++) {
        follower.event(part(half * MIB));
        vi.advanceTimersByTime(500);
      }
    }
    follower.close();
    const said = lines.filter(([level]) => level === 'info').map(([, text]) => text);
    expect(said.map((text) => /(\d+)\/180/.exec(text)?.[1])).toEqual(['10', '20', '10']);
    expect(said[0]).toBe('web: downloading packages 10/180, 10.0 MiB of 64.0 MiB, 8.0 MiB/s');
  });

  it('are in the live line alone on a terminal, and whole records for programs', () => {
    vi.useFakeTimers();
    const screen = createScreen({ isTTY: true, write: () => true }, {}, { color: false });
    for (const logFormat of ['text', 'json'] as const) {
      const { log, lines } = record();
      const follower = followBuilds({ screen, log, logFormat, level: 'info' });
      for (let second = 0; second < 12; second++) {
        follower.event(part(second * MIB));
        vi.advanceTimersByTime(1000);
      }
      follower.close();
      if (logFormat === 'text') expect(lines.map(([level]) => level)).not.toContain('info');
      else expect(lines.map(([, , fields]) => fields)).toContainEqual({ event: part(3 * MIB) });
    }
  });
});
