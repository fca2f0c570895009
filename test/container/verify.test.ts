import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildEnv, imagePath, withDirectory, type Built } from '../support/build.js';
import { PROFILE, reference } from '../support/caches.js';
import { imgbuild } from '../support/cli.js';

interface Report {
  readonly refused: boolean;
  readonly images: readonly {
    readonly image: string;
    readonly platforms: readonly string[];
    readonly rules: number;
    readonly findings: readonly { readonly id: string; readonly severity: string; readonly where?: string }[];
  }[];
}

let built: Built;
beforeAll(async () => {
  built = await reference();
});

const verify = (args: readonly string[]) => imgbuild(['verify', ...args], { env: buildEnv() });

describe('imgbuild verify', () => {
  it('finds nothing wrong with the newest build of a profile, strictly', async () => {
    const { code, stdout, stderr } = await verify([PROFILE, '--json', '--strict', '--output', built.outputDir]);
    expect(code, stderr).toBe(0);
    const report = JSON.parse(stdout) as Report;
    expect(report).toMatchObject({ refused: false, images: [{ image: imagePath(built), platforms: ['proxmox-ct'] }] });
    expect(report.images[0]?.rules).toBeGreaterThan(30);
    expect(report.images[0]?.findings.map(({ severity }) => severity)).not.toContain('error');
  });

  it('says what is wrong with others, and ends with 7', async () => {
    await withDirectory(async (directory) => {
      const cut = path.join(directory, 'cut.tar.zst');
      writeFileSync(cut, readFileSync(imagePath(built)).subarray(0, 1 << 20));
      const renamed = path.join(directory, 'packed.tar.gz');
      cpSync(imagePath(built), renamed);
      const { code, stdout } = await verify([cut, renamed]);
      expect(code).toBe(7);
      expect(stdout).toContain(`${cut} (proxmox-ct)`);
      expect(stdout).toContain('PVE-CT-MEMBERS');
      expect(stdout).toContain('PVE-CT-COMPRESSION: the name says gzip, the content is zstd');
      // Looked at, and nothing else.
      expect(readdirSync(directory).sort()).toEqual(['cut.tar.zst', 'packed.tar.gz']);
    });
  });

  it('counts warnings only when it is told to', async () => {
    await withDirectory(async (directory) => {
      const packed = path.join(directory, 'disk.raw.gz');
      writeFileSync(packed, gzipSync(Buffer.alloc(1 << 20)));
      const asked = [packed, '--platform', 'proxmox-vm'];
      expect(await verify(asked)).toMatchObject({ code: 0, stdout: expect.stringContaining('1 warning') as string });
      expect((await verify([...asked, '--strict'])).code).toBe(7);
    });
  });

  it('does not boot what has no kernel', async () => {
    const { code, stderr } = await verify([imagePath(built), '--boot']);
    expect(code).toBe(2);
    expect(stderr).toContain('no machine to boot');
  });
});
