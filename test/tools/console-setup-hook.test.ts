import { mkdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { ONCE } from '../../src/exec/once.js';
import { CHECKOUT, runCommand, type Outcome } from '../support/cli.js';
import { tree } from '../support/tree.js';

const EPOCH = 1_700_000_000;
const CONFIGURATION = ['etc/default/keyboard', 'etc/default/console-setup'];
const KEPT = 'etc/console-setup/cached_setup_terminal.sh';

/** Runs the hook; `setupcon` is a function, for there is no image to change into. */
function run(root: string, setupcon: string): Promise<Outcome> {
  const collections = path.join(CHECKOUT, 'collections');
  const hook = `${collections}/bootable/base/hooks/customize/42-console-setup.sh`;
  const script = `${ONCE}\n. '${collections}/lib.sh'\nin_target() { ${setupcon}; }\n. '${hook}'`;
  return runCommand(['bash', '--norc', '--posix', '-Eeu', '-c', script], {
    env: { ROOT: root, SOURCE_DATE_EPOCH: String(EPOCH) },
  });
}

function image(): string {
  const root = tree({ [CONFIGURATION[0] ?? '']: 'XKBLAYOUT=de\n', [CONFIGURATION[1] ?? '']: 'CHARMAP=UTF-8\n' });
  mkdirSync(path.join(root, 'usr/bin'), { recursive: true });
  writeFileSync(path.join(root, 'usr/bin/setupcon'), '', { mode: 0o755 });
  mkdirSync(path.join(root, 'etc/console-setup'), { recursive: true });
  return root;
}

it('what is kept for the console is newer than its configuration, also when the image has one time for all that is new', async () => {
  const root = image();
  const outcome = await run(root, `echo "$*" > "$ROOT/${KEPT}"`);
  expect(outcome).toMatchObject({ code: 0, stderr: '' });
  const files = [KEPT, ...CONFIGURATION].map((file) => path.join(root, file));
  for (const file of files) if (statSync(file).mtimeMs > EPOCH * 1000) utimesSync(file, EPOCH, EPOCH);
  const [kept = 0, ...configuration] = files.map((file) => statSync(file).mtimeMs);
  // As console-setup.sh asks: by whole seconds, for shells before 2023 know no others.
  for (const time of configuration) expect(Math.floor(kept / 1000)).toBeGreaterThan(Math.floor(time / 1000));
});

it('a setupcon that keeps nothing ends the build', async () => {
  expect(await run(image(), 'true')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('kept nothing') as string,
  });
});

it('an image without setupcon is left alone', async () => {
  const root = tree({ 'etc/default/keyboard': 'XKBLAYOUT=de\n' });
  const before = statSync(path.join(root, 'etc/default/keyboard')).mtimeMs;
  expect(await run(root, 'false')).toMatchObject({ code: 0, stderr: '' });
  expect(statSync(path.join(root, 'etc/default/keyboard')).mtimeMs).toBe(before);
});
