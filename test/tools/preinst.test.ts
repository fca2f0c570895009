import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { ARCHIVES } from '../../src/exec/unpacker-archives.js';
import { runCommand } from '../support/cli.js';
import { scratch } from '../support/scratch.js';

const directory = scratch();

/** Whether the unpacker takes a preinst for one that does nothing in a first installation. */
async function isVoid(script: string): Promise<boolean> {
  const file = path.join(directory, 'void.pl');
  writeFileSync(file, `${ARCHIVES}local $/; exit(void(scalar <STDIN>) ? 0 : 1);\n`);
  const { code } = await runCommand(['perl', file], { input: script });
  return code === 0;
}

it.each([
  '#!/bin/sh\nset -e\ndpkg-maintscript-helper rm_conffile /etc/a 1.2\\~ -- "$@"\n',
  '#!/bin/sh\nset -e\ndpkg-maintscript-helper dir_to_symlink /usr/a ../b \\\n  1.0 -- "$@"\nexit 0\n',
  '#!/bin/sh\n# A comment\nif [ "$1" = "install" ] && [ -n "$2" ] && [ -e "/etc/init.d/a" ] ; then\n\tchmod +x b || true\nfi\n',
  '#!/bin/sh -e\nif [ "$1" = upgrade ]; then\n  true\nfi\n',
])('does nothing: %j', async (script) => {
  expect(await isVoid(script)).toBe(true);
});

it.each([
  '#!/bin/bash\nset -e\n',
  '#!/bin/sh\nadduser a\n',
  '#!/bin/sh\nif [ "$1" = upgrade ] || [ "$1" = install ]; then\n\tdpkg-divert a\nfi\n',
  '#!/bin/sh\nif [ "$1" = upgrade ]; then :; else\n\tadduser a\nfi\n',
  '#!/bin/sh\nif [ "$1" = upgrade ]; then\n\t:\n\telse\n\tadduser a\nfi\n',
  '#!/bin/sh\nif [ "$1" = upgrade ]; then\n\t:\nelif true; then\n\tadduser a\nfi\n',
  '#!/bin/sh\nif [ "$1" = "install" ] && [ -n "$2" ] ||\n  true; then\n\tadduser a\nfi\n',
  '#!/bin/sh\ndpkg-maintscript-helper rm_conffile `touch a` -- "$@"\n',
  '#!/bin/sh\ndpkg-maintscript-helper rm_conffile /a\ntouch b\ntrue -- "$@"\n',
  '#!/bin/sh\ndpkg-maintscript-helper rm_conffile /a -- "$@" && touch b\n',
])('is left to dpkg: %j', async (script) => {
  expect(await isVoid(script)).toBe(false);
});
