import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { CHECKOUT, imgbuild, runCommand } from '../support/cli.js';

describe('the command line', () => {
  it('helps on standard output, and says that a verb is missing on standard error', async () => {
    const help = await imgbuild(['--help']);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toContain('Examples:');
    expect(help.stdout).not.toContain('__complete');
    expect(await imgbuild([])).toMatchObject({ code: 2, stdout: '', stderr: help.stdout });
  });

  it.each(['cache', 'clean', 'completion'])('explains %s with examples', async (verb) => {
    const help = await imgbuild([verb, '--help']);
    expect(help.code).toBe(0);
    expect(help.stdout).toContain(`imgbuild ${verb}`);
    expect(await imgbuild(['help', verb])).toMatchObject({ code: 0, stdout: help.stdout });
  });

  it('knows what was meant', async () => {
    const verb = await imgbuild(['cashe']);
    expect(verb.code).toBe(2);
    expect(verb.stderr).toContain('Did you mean cache?');
    const option = await imgbuild(['cache', 'ls', '--jsno']);
    expect(option).toMatchObject({ code: 2, stdout: '' });
    expect(option.stderr).toContain('Did you mean --json?');
  });

  it('says errors as JSON when the log is JSON', async () => {
    const { stderr, code } = await imgbuild(['--log-format', 'json', 'clean', 'nothing', '--yes']);
    const lines = stderr.trimEnd().split('\n');
    expect(code).toBe(2);
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'error', exitCode: 2 });
  });

  it('does not mind a reader that goes away', async () => {
    const script = `"${process.execPath}" dist/bundle/cli.js --help | true; echo "\${PIPESTATUS[0]}"`;
    for (let n = 0; n < 3; n += 1) {
      expect(await runCommand(['bash', '-c', script])).toMatchObject({ code: 0, stdout: '0\n', stderr: '' });
    }
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends with the code of %s', async (signal, code) => {
    // A verb that waits for a word: the completion of bash would do, but only this one waits for the caller.
    const child = spawn(process.execPath, ['--input-type=module', '-e', WAITING], { cwd: CHECKOUT, stdio: 'pipe' });
    await once(child.stdout, 'data');
    child.kill(signal);
    expect(await once(child, 'exit')).toEqual([code, null]);
  });

  it('lets a verb unwind, and ends at the second signal', async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', UNWINDING], { cwd: CHECKOUT, stdio: 'pipe' });
    await once(child.stdout, 'data');
    child.kill('SIGINT');
    expect(String((await once(child.stdout, 'data'))[0])).toContain('unwinding');
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([130, null]);
  });
});

const WAITING = `
  import { handleSignals } from './dist/interrupt.js';
  handleSignals();
  setInterval(() => undefined, 1000);
  console.log('ready');
`;

const UNWINDING = `
  import { handleSignals, interruption } from './dist/interrupt.js';
  handleSignals();
  interruption().addEventListener('abort', () => console.log('unwinding'));
  setInterval(() => undefined, 1000);
  console.log('ready');
`;
