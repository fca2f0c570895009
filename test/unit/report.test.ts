import { describe, expect, it } from 'vitest';
import { CommandError, ConfigError, UserError } from '../../src/errors.js';
import { createTextLogger } from '../../src/log.js';
import { describeError, formatReport, recordsOf } from '../../src/report.js';
import { createScreen, styled } from '../../src/screen.js';

describe('reports of errors', () => {
  it('shows what is wrong and what to do about it', () => {
    const error = new UserError('no such profile: x', { hint: 'did you mean y?' });
    expect(formatReport(describeError(error, false))).toEqual([
      'imgbuild: no such profile: x',
      '  hint: did you mean y?',
    ]);
  });

  it('counts the problems of a profile', () => {
    const problem = { file: 'a.yaml', line: 1, col: 2, path: 'suite', message: 'unknown suite' };
    const report = describeError(new ConfigError([problem, problem]), false);
    expect(report).toMatchObject({ exitCode: 2, detail: ['2 problems found'] });
    expect(report.message).toContain('a.yaml:1:2: suite: unknown suite');
  });

  it('gives machines each problem by itself, and anything else whole', () => {
    const problem = { file: 'a.yaml', line: 1, col: 2, path: 'suite', message: 'unknown suite', hint: 'h' };
    const argument = { file: '--set', line: 0, col: 0, path: 'x', message: 'unknown option' };
    expect(recordsOf(describeError(new ConfigError([problem, argument]), false))).toEqual([
      {
        message: 'unknown suite',
        fields: { exitCode: 2, file: 'a.yaml', line: 1, column: 2, path: 'suite', hint: 'h' },
      },
      { message: 'unknown option', fields: { exitCode: 2, file: '--set', path: 'x' } },
    ]);
    expect(recordsOf(describeError(new UserError('m', { hint: 'h' }), false))).toEqual([
      { message: 'm', fields: { exitCode: 2, detail: [], hint: 'h' } },
    ]);
  });

  it('shows the last words of a tool, and its command line only when asked for', () => {
    const error = new CommandError({
      doing: 'unpacking',
      argv: ['tar', '-x'],
      exit: 'exit 2',
      tail: 'one\ntwo\n',
      hint: 'h',
    });
    expect(formatReport(describeError(error, false))).toEqual([
      'imgbuild: unpacking failed (tar: exit 2)',
      '  one',
      '  two',
      '  hint: h',
    ]);
    expect(formatReport(describeError(error, true))[1]).toBe('  command: tar -x');
    expect(describeError(error, false).exitCode).toBe(5);
  });

  it('takes what the system refuses for the environment, not for a bug', () => {
    const error = Object.assign(new Error("ENOSPC: no space left on device, write '/out/x'"), { code: 'ENOSPC' });
    expect(describeError(error, false)).toMatchObject({ exitCode: 3, message: error.message });
  });

  it('takes everything else for a bug, and shows where with --verbose', () => {
    const report = describeError(new TypeError('x is undefined'), false);
    expect(report).toMatchObject({ exitCode: 70, detail: [] });
    expect(report.message).toContain('bug in imgbuild');
    expect(describeError(new TypeError('x'), true).detail.join('\n')).toContain('report.test.ts');
    expect(describeError('thrown text', true)).toMatchObject({ exitCode: 70, detail: ['thrown text'] });
  });
});

describe('screen and log', () => {
  function lines(level: 'debug' | 'info' | 'warn', env: NodeJS.ProcessEnv, color = true, isTTY = true): string[] {
    const written: string[] = [];
    const screen = createScreen({ isTTY, write: (text: string) => written.push(text) > 0 }, env, { color });
    const log = createTextLogger(screen, level);
    log.debug('running', { argv: ['tar'] });
    log.info('hello', { size: 1 });
    log.warn('careful');
    return written;
  }

  it('says as much as was asked for', () => {
    expect(lines('debug', {}, false)).toEqual(['debug: running {"argv":["tar"]}\n', 'hello\n', 'warning: careful\n']);
    expect(lines('info', {}, false)).toEqual(['hello\n', 'warning: careful\n']);
    expect(lines('warn', {}, false)).toEqual(['warning: careful\n']);
  });

  it('has colours on a terminal that wants them only', () => {
    const yellow = '\u001b[33mwarning: careful\u001b[0m\n';
    expect(lines('warn', {})).toEqual([yellow]);
    expect(lines('warn', { NO_COLOR: '' })).toEqual([yellow]);
    for (const plain of [
      lines('warn', { NO_COLOR: '1' }),
      lines('warn', { TERM: 'dumb' }),
      lines('warn', {}, false),
      lines('warn', {}, true, false),
    ]) {
      expect(plain).toEqual(['warning: careful\n']);
    }
    expect(styled({ color: false }, 'red', 'x')).toBe('x');
  });
});
