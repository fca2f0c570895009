import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { elfArchitecture } from '../../src/verify/rules/elf.js';
import { buildEnv, imagePath } from '../support/build.js';
import { imgbuild } from '../support/cli.js';
import { buildForeign, FOREIGN } from '../support/foreign.js';
import { scratch } from '../support/scratch.js';

const directory = scratch();

describe('an image for another architecture', () => {
  it('is made by its own programs, and can be looked into', async () => {
    const { profile, built } = await buildForeign(directory);
    expect(built.results[0]?.state).toBe('built');
    const options = { maxBuffer: 64 << 20 };
    const tar = ['--extract', '--file', imagePath(built), '--to-stdout'];
    const shell = execFileSync('tar', [...tar, './usr/bin/dash'], options).toString('latin1');
    expect(elfArchitecture(shell)).toBe(FOREIGN.name);
    const status = execFileSync('tar', [...tar, './var/lib/dpkg/status'], options).toString();
    const states = new Set([...status.matchAll(/^Status: (.*)$/gm)].map(([, state]) => state));
    expect([...states]).toEqual(['install ok installed']);

    const inside = 'uname -m; dpkg --print-architecture; perl -e "print qq(perl\\n)"';
    const looked = await imgbuild(['shell', profile, '--', 'sh', '-c', inside], { env: buildEnv() });
    expect(looked.code, looked.stderr).toBe(0);
    expect(looked.stdout.trim().split('\n')).toEqual([FOREIGN.machine, FOREIGN.name, 'perl']);
  });
});
