import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { withBuildContext } from '../../src/host/context.js';
import { hostOf } from '../../src/host/program.js';
import { CACHE } from './build.js';
import { CHECKOUT, runCommand } from './cli.js';

/** An ordinary user of this machine, with subordinate ids. */
export interface TestUser {
  readonly name: string;
  readonly home: string;
  /** The compiled program in its home: the checkout may lie where this user may not go. */
  readonly program: string;
  /** An empty directory in its home. */
  readonly cache: string;
  readonly remove: () => Promise<void>;
}

/** Makes a user with a home, a cache, and the program in it. */
export async function makeUser(name: string): Promise<TestUser> {
  const home = mkdtempSync(path.join(tmpdir(), 'imgbuild-home-'));
  await runCommand(['useradd', '--no-create-home', '--home-dir', home, '--shell', '/bin/sh', name]);
  const uid = Number((await runCommand(['id', '-u', name])).stdout);
  const cache = path.join(home, 'cache');
  mkdirSync(cache);
  for (const directory of [home, cache]) chownSync(directory, uid, uid);
  // What the image is given is all that the program needs.
  await withBuildContext(hostOf(CHECKOUT, CACHE).program, (context) => {
    cpSync(context, path.join(home, 'program'), { recursive: true });
    chmodSync(path.join(home, 'program'), 0o755);
    return Promise.resolve();
  });
  return {
    name,
    home,
    program: path.join(home, 'program/dist/bundle/cli.js'),
    cache,
    remove: async () => {
      await runCommand(['userdel', name]);
      rmSync(home, { recursive: true });
    },
  };
}
