import { beforeAll, describe, expect, it } from 'vitest';
import { buildEnv, imagePath, withDirectory, type Built } from '../support/build.js';
import { PROFILE, reference } from '../support/caches.js';
import { imgbuild } from '../support/cli.js';
import { shell } from '../support/disk-image.js';

let built: Built;
beforeAll(async () => {
  built = await reference();
});

const run = (args: readonly string[]) => imgbuild(args, { env: buildEnv() });

describe('imgbuild inspect', () => {
  it('tells what the newest build of a profile is, and what made it', async () => {
    const { code, stdout, stderr } = await run(['inspect', PROFILE, '--json', '--output', built.outputDir]);
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      image: imagePath(built),
      format: 'tar (zstd)',
      defects: [],
      system: { version: expect.stringMatching(/^12\./) as string, architecture: 'amd64', kernels: [] },
      made: { profile: PROFILE, collections: expect.arrayContaining(['base']) as string[] },
    });
  });

  it('says what is no image', async () => {
    expect(await run(['inspect', 'no-such-image'])).toMatchObject({ code: 2 });
  });
});

describe('imgbuild diff', () => {
  it('finds nothing between a template and itself packed otherwise, and what was changed in another', async () => {
    await withDirectory(async (directory) => {
      await shell(
        `cd "$2"; zstd -dcq "$1" > same.tar; cp same.tar other.tar; mkdir -p etc; echo changed > etc/motd
        printf 'root:*:1::::::\\n' > etc/shadow; tar --delete -f other.tar ./etc/motd ./etc/shadow 2>/dev/null || tar --delete -f other.tar ./etc/shadow
        tar --owner=0 --group=0 -rf other.tar ./etc/motd ./etc/shadow; gzip -1 same.tar`,
        imagePath(built),
        directory,
      );
      const same = await run(['diff', imagePath(built), `${directory}/same.tar.gz`, '--exit-code']);
      expect(same, same.stderr).toMatchObject({ code: 0 });
      expect(same.stdout).toContain('Nothing differs.');
      const other = await run(['diff', imagePath(built), `${directory}/other.tar`, '--exit-code']);
      expect(other, other.stderr).toMatchObject({ code: 1 });
      expect(other.stdout).toContain('+changed');
      expect(other.stdout).toContain('/etc/shadow (');
      expect(other.stdout).not.toContain('root:*:1');
    });
  });
});
