import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CHECKOUT, runCommand } from '../support/cli.js';

const PROGRAM = `
const [verb = '', value = ''] = process.argv.slice(2);
if (verb === 'exit') process.exitCode = Number(value);
else if (verb === 'wait') {
  process.on('SIGTERM', () => process.exit(143));
  setInterval(() => undefined, 1000);
  process.stdout.write('ready\\n');
} else process.stdout.write(JSON.stringify({ args: process.argv.slice(2), cwd: process.cwd() }) + '\\n');
`;

let scratch: string;
let checkout: string;

function put(relative: string, text: string): string {
  const file = path.join(checkout, relative);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

const run = (...args: string[]) => runCommand([path.join(checkout, 'imgbuild'), ...args], { cwd: scratch });

beforeEach(() => {
  scratch = mkdtempSync(path.join(tmpdir(), 'imgbuild-test-wrapper-'));
  // A blank, because a path may have one.
  checkout = path.join(scratch, 'check out');
  mkdirSync(checkout);
  for (const name of ['imgbuild', 'package.json', 'package-lock.json', 'tsconfig.json', 'esbuild.config.js']) {
    copyFileSync(path.join(CHECKOUT, name), path.join(checkout, name));
  }
  utimesSync(path.join(checkout, 'package-lock.json'), 1, 1);
  symlinkSync(path.join(CHECKOUT, 'node_modules'), path.join(checkout, 'node_modules'));
  put('src/cli.ts', PROGRAM);
});

afterEach(() => {
  rmSync(scratch, { recursive: true, force: true });
});

describe('the wrapper of a checkout', () => {
  it('compiles the first time, is silent when nothing changed, and compiles what changed', async () => {
    expect((await run()).stderr).toBe('imgbuild: compiling\n');
    expect((await run('a b', '')).stderr).toBe('');
    put('src/cli.ts', PROGRAM.replace('args:', 'words:'));
    const changed = await run('x');
    expect(changed.stderr).toBe('imgbuild: compiling\n');
    expect(changed.stdout).toContain('{"words":["x"]');
    rmSync(path.join(checkout, 'dist/bundle/cli.js'));
    expect(await run()).toMatchObject({ code: 0, stderr: 'imgbuild: compiling\n' });
  });

  it('passes arguments, directory and exit status through, also when called through links', async () => {
    mkdirSync(path.join(scratch, 'bin'));
    symlinkSync('../check out/imgbuild', path.join(scratch, 'bin/first'));
    symlinkSync(path.join(scratch, 'bin/first'), path.join(scratch, 'bin/second'));
    const { stdout } = await runCommand([path.join(scratch, 'bin/second'), 'a b', ''], { cwd: scratch });
    expect(JSON.parse(stdout)).toEqual({ args: ['a b', ''], cwd: scratch });
    expect((await run('exit', '7')).code).toBe(7);
  });

  it('is replaced by the program, so that signals reach it', async () => {
    await run();
    const child = spawn(path.join(checkout, 'imgbuild'), ['wait'], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([143, null]);
  });

  it('compiles once when many start at once', async () => {
    const outcomes = await Promise.all([run('1'), run('2'), run('3')]);
    expect(outcomes.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(outcomes.filter(({ stderr }) => stderr.includes('compiling'))).toHaveLength(1);
    expect(outcomes.map(({ stdout }) => (JSON.parse(stdout) as { args: string[] }).args[0])).toEqual(['1', '2', '3']);
  });

  it('does not run what does not compile, and says so again the next time', async () => {
    put('src/cli.ts', 'const n: number = "text";\nexport { n };\n');
    for (let n = 0; n < 2; n += 1) {
      const { code, stderr, stdout } = await run();
      expect({ code, stdout }).toEqual({ code: 70, stdout: '' });
      expect(stderr).toContain('src/cli.ts(1,7)');
    }
    expect(existsSync(path.join(checkout, 'dist/.built'))).toBe(false);
  });

  it.each([
    ['v18.20.4', 3],
    ['v20.9.0', 3],
    ['v20.18.3', 3],
    ['v20.19.0', 0],
    ['v22.1.0', 0],
  ])('with node %s ends with %i', async (version, code) => {
    await run();
    const bin = path.join(scratch, 'bin');
    mkdirSync(bin);
    const script = `#!/bin/sh\n[ "$1" != -v ] || { echo ${version}; exit; }\nexec "${process.execPath}" "$@"\n`;
    writeFileSync(path.join(bin, 'node'), script, { mode: 0o755 });
    const env = { PATH: `${bin}:/usr/bin:/bin` };
    const outcome = await runCommand([path.join(checkout, 'imgbuild')], { env });
    expect(outcome.code).toBe(code);
    if (code !== 0) expect(outcome.stderr).toContain(`node is ${version}, and 20.19 or newer is needed`);
  });
});
