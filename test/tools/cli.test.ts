import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { withDirectory } from '../support/build.js';
import { CHECKOUT, imgbuild, runCommand } from '../support/cli.js';

describe('the command line', () => {
  it('helps on standard output, and says that a verb is missing on standard error', async () => {
    const help = await imgbuild(['--help']);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toContain('Examples:');
    expect(help.stdout).not.toContain('__complete');
    expect(await imgbuild([])).toMatchObject({ code: 2, stdout: '', stderr: help.stdout });
  });

  it.each(['cache', 'clean', 'completion', 'list', 'builder'])('explains %s with examples', async (verb) => {
    const help = await imgbuild([verb, '--help']);
    expect(help.code).toBe(0);
    expect(help.stdout).toMatch(new RegExp(`\nExamples?:\n {2}.*imgbuild ${verb}\\b`));
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

  it('says each problem of a profile as JSON, with its place', async () => {
    await withDirectory(async (directory) => {
      const file = path.join(directory, 'p.yaml');
      const options = 'options:\n  timezone: Europe/Berln\n  hostname: a_b\n';
      writeFileSync(file, `suite: bookworm\narchitecture: amd64\ncollections: [targets/lxc]\n${options}`);
      const { stderr, code } = await imgbuild(['--log-format', 'json', 'validate', file, '--set', 'login.uid=x']);
      expect(code).toBe(2);
      const place = { level: 'error', exitCode: 2, file };
      expect(
        stderr
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line) as unknown),
      ).toMatchObject([
        { ...place, line: 5, column: 13, path: 'options.timezone', hint: 'did you mean "Europe/Berlin"?' },
        { ...place, line: 6, column: 13, msg: expect.stringContaining('expected a host name') as unknown },
        { level: 'error', file: '--set login.uid', msg: 'expected a whole number, found the text "x"' },
      ]);
    });
  });

  it.each([
    [['shell', 'deb12-amd64-lxc', '--format', 'raw'], "unknown option '--format'"],
    [['options', '--format', 'raw'], "unknown option '--format'"],
    [['options', '--set', 'hostname=a'], '--profile NAME'],
    [['validate', 'deb12-amd64-lxc', '--format', 'raw'], 'raw'],
  ])('refuses what would do nothing: %j', async (args, message) => {
    const { stderr, code } = await imgbuild(args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  it('does not mind a reader that goes away', async () => {
    const script = `"${process.execPath}" dist/bundle/cli.js --help | true; echo "\${PIPESTATUS[0]}"`;
    for (let n = 0; n < 3; n += 1) {
      expect(await runCommand(['bash', '--norc', '-c', script])).toMatchObject({ code: 0, stdout: '0\n', stderr: '' });
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
