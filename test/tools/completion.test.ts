import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHECKOUT, imgbuild, runCommand } from '../support/cli.js';

let scratch: string;
let env: Record<string, string>;

beforeAll(async () => {
  scratch = mkdtempSync(path.join(tmpdir(), 'imgbuild-test-completion-'));
  mkdirSync(path.join(scratch, 'bin'));
  mkdirSync(path.join(scratch, 'profiles'));
  const command = path.join(scratch, 'bin/imgbuild');
  writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "${CHECKOUT}/dist/bundle/cli.js" "$@"\n`);
  chmodSync(command, 0o755);
  writeFileSync(path.join(scratch, 'profiles/zebra.yaml'), 'suite: bookworm\narchitecture: amd64\ncollections: []\n');
  for (const shell of ['bash', 'zsh', 'fish']) {
    writeFileSync(path.join(scratch, `completion.${shell}`), (await imgbuild(['completion', shell])).stdout);
  }
  env = { PATH: `${scratch}/bin:${process.env['PATH'] ?? ''}`, HOME: scratch };
});

afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
});

async function has(shell: string): Promise<boolean> {
  return (await runCommand(['sh', '-c', `command -v ${shell}`])).code === 0;
}

/** What bash offers for a line, by its own machinery for words. */
async function bash(...words: string[]): Promise<string[]> {
  const script = `
    source completion.bash
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    _imgbuild
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await runCommand(['bash', '--norc', '-c', script, 'bash', 'imgbuild', ...words], {
    cwd: scratch,
    env,
  });
  return stdout.split('\n').filter((line) => line !== '');
}

describe('completion in real shells', () => {
  it('works in bash', async () => {
    expect(await bash('ca')).toEqual(['cache']);
    expect(await bash('cache', '')).toEqual(expect.arrayContaining(['ls', 'size', 'prune']));
    expect(await bash('cache', 'prune', '--o')).toEqual(['--older-than']);
    expect(await bash('--log-format', '=', 'te')).toEqual(['text']);
    expect(await bash('clean', 'ze')).toEqual(['zebra']);
  });

  it('is bound to the command in an interactive bash', async () => {
    const script = 'source completion.bash; complete -p imgbuild';
    expect((await runCommand(['bash', '--norc', '-c', script], { cwd: scratch, env })).stdout).toBe(
      'complete -F _imgbuild imgbuild\n',
    );
  });

  it('works in zsh', async (test) => {
    if (!(await has('zsh'))) test.skip('zsh is not installed');
    // The completion system runs inside the line editor only: zpty gives it a terminal, TAB asks it.
    const script = `
      zmodload zsh/zpty
      zpty z zsh -f -i
      zpty -w z 'PS1=; autoload -Uz compinit; compinit -u -d ./dump; source ./completion.zsh; print REA''DY'
      while zpty -r z line; do [[ $line == *READY* ]] && break; done
      zpty -w -n z $'imgbuild clean ze\\t'
      zpty -r z line '*zebra*'
      print -r -- $line`;
    const { stdout } = await runCommand(['timeout', '60', 'zsh', '-f', '-c', script], { cwd: scratch, env });
    expect(stdout).toContain('imgbuild clean zebra');
  });

  it('works in fish', async (test) => {
    if (!(await has('fish'))) test.skip('fish is not installed');
    const script = 'source completion.fish; complete -C "imgbuild cache prune --o"; complete -C "imgbuild clean ze"';
    const { stdout } = await runCommand(['fish', '-c', script], { cwd: scratch, env });
    expect(stdout).toMatch(/^--older-than\t/m);
    expect(stdout).toMatch(/^zebra/m);
  });
});
