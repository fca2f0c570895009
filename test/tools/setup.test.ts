import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXIT } from '../../src/errors.js';
import { hostOf, type Host } from '../../src/host/program.js';
import { setUp } from '../../src/host/setup.js';
import { CHECKOUT } from '../support/cli.js';

let dir: string;
let said: string[];
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'imgbuild-test-'));
  said = [];
  mkdirSync(path.join(dir, 'bin'));
  for (const tool of ['sh', 'unshare', 'setpriv', 'flock', 'mount', 'ln', 'cat']) provide(tool);
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

function provide(tool: string): void {
  symlinkSync(`/usr/bin/${tool}`, path.join(dir, 'bin', tool));
}

/** A package manager that writes down what it is asked for, and brings mmdebstrap. */
function provideApt(install: string): void {
  const script = `#!/bin/sh\necho "$@" >> ${dir}/log\n[ "$1" = update ] || { ${install}; }\n`;
  writeFileSync(path.join(dir, 'bin/apt-get'), script, { mode: 0o755 });
}

/** A machine without engines, where only the tools of the test are on the path. */
function bareHost(): Host {
  const nowhere = `unix://${dir}/no.sock`;
  const env = { PATH: path.join(dir, 'bin'), HOME: dir, DOCKER_HOST: nowhere, CONTAINER_HOST: nowhere };
  return hostOf(CHECKOUT, path.join(dir, 'cache'), env);
}

const say = (line: string): void => void said.push(line);
const asked = (): string => readFileSync(path.join(dir, 'log'), 'utf8');

describe.runIf(process.getuid?.() === 0)('--setup, as root', () => {
  it('installs the tools of the embedded engine where there is no engine, and says so before', async () => {
    provideApt(`ln -s /usr/bin/mmdebstrap ${dir}/bin/mmdebstrap`);
    await setUp(bareHost(), undefined, say);
    expect(said[0]).toMatch(/^setup: installing mmdebstrap, .*: there is no container engine/);
    expect(asked()).toMatch(/^update .*\ninstall .*mmdebstrap debian-archive-keyring uidmap\n$/);
  });

  it('installs nothing where an engine works', async () => {
    provideApt('false');
    provide('mmdebstrap');
    await setUp(bareHost(), undefined, say);
    expect(said).toEqual([expect.stringMatching(/^setup: embedded works/)]);
    expect(asked).toThrow('ENOENT');
  });

  it('fails with what is to be done by hand when the installation fails', async () => {
    provideApt('echo no such package; exit 100');
    await expect(setUp(bareHost(), 'embedded', say)).rejects.toMatchObject({
      exitCode: EXIT.environment,
      hint: 'sudo apt-get install mmdebstrap debian-archive-keyring uidmap',
      tail: 'no such package',
    });
  });

  it('fails when what was installed does not do', async () => {
    provideApt('true');
    await expect(setUp(bareHost(), undefined, say)).rejects.toThrow(
      /everything is installed, but embedded does not work/,
    );
  });

  it('names what is missing on a machine that is not Debian', async () => {
    await expect(setUp(bareHost(), undefined, say)).rejects.toThrow(/this is no Debian/);
  });
});
