import { describe, expect, it } from 'vitest';
import { CommandError, ConfigError, EXIT, UserError, formatProblem } from '../../src/errors.js';

describe('errors', () => {
  it('formats a problem so that editors and terminals can jump to it', () => {
    const problem = { file: 'p.yaml', line: 3, col: 5, path: 'options.login', message: 'unknown option' };
    expect(formatProblem(problem)).toBe('p.yaml:3:5: options.login: unknown option');
    expect(formatProblem({ ...problem, path: '', hint: 'did you mean login.user?' })).toBe(
      'p.yaml:3:5: unknown option (did you mean login.user?)',
    );
  });

  it('puts every problem in the message of a ConfigError', () => {
    const error = new ConfigError([
      { file: 'a', line: 1, col: 1, path: '', message: 'one' },
      { file: 'b', line: 2, col: 1, path: '', message: 'two' },
    ]);
    expect(error.message).toBe('a:1:1: one\nb:2:1: two');
    expect(error.exitCode).toBe(EXIT.usage);
  });

  it('takes a usage error for the default, and another code when told', () => {
    expect(new UserError('x').exitCode).toBe(2);
    expect(new UserError('x', { exitCode: EXIT.environment }).exitCode).toBe(3);
  });

  it('says which tool failed and how', () => {
    const error = new CommandError({ doing: 'packing', argv: ['tar', '-c'], exit: 'exit 2', tail: '' });
    expect(error.message).toBe('packing failed (tar: exit 2)');
    expect(error.exitCode).toBe(EXIT.step);
  });
});
