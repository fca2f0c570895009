import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { build, imagePath, withDirectory } from '../support/build.js';
import { imgbuild } from '../support/cli.js';
import { CHECKOUT_OF_A_USER } from '../support/dbuild.js';
import { tree } from '../support/tree.js';

it('a profile of the predecessor, imported with a collection whose hooks run as they were, becomes an image', async () => {
  // Without the hook that does what cannot be done any more.
  const files = Object.entries(CHECKOUT_OF_A_USER).filter(([name]) => !name.endsWith('60-odd.sh'));
  const checkout = tree(Object.fromEntries(files));
  await withDirectory(async (directory) => {
    const outcome = await imgbuild(['import', checkout, '--output', directory]);
    // 7: a package script prints a variable, and the profile has a typing error.
    expect(outcome.code, outcome.stderr).toBe(7);
    const places = ['--profile-dir', `${directory}/profiles`, '--collection-dir', `${directory}/collections/local`];
    // The profile is that of the suite's example otherwise, so that what the tests share in the cache serves here.
    const built = await build(['shop', ...places, '--output', `${directory}/out`]);
    const inImage = (file: string): string =>
      execFileSync('tar', ['--extract', '--to-stdout', '--file', imagePath(built), `./${file}`], { encoding: 'utf8' });
    const listed = execFileSync('tar', ['--list', '--verbose', '--numeric-owner', '--file', imagePath(built)], {
      encoding: 'utf8',
      maxBuffer: 64 << 20,
    });
    const uid = inImage('etc/shop/uid').trim();
    expect(inImage('etc/shop/shop.conf')).toBe('listen [::]\n');
    expect(listed).toMatch(new RegExp(`^-rw-r----- ${uid}/0 .* \\./etc/shop/shop\\.conf$`, 'm'));
    expect(inImage('etc/shop/facts')).toBe('shop 0 $y$j9T$abc$def\n');
    expect(inImage('etc/environment')).toContain('SHOP=1\n');
    expect(inImage('etc/group')).toMatch(/^shopkeepers:x:350:$/m);
    expect(inImage('etc/passwd')).toMatch(new RegExp(`^shop:x:${uid}:${uid}:`, 'm'));
    expect(listed).toMatch(/^-rw------- 0\/0 .* \.\/etc\/shop\/key$/m);
    expect(listed).toContain('./usr/libexec/shop');
    expect(listed).toContain('./etc/shop/touched');
    expect(listed).not.toContain('imgbuild-import');
  });
});
