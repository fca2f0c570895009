import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { CHECKOUT } from './cli.js';

/** Where the images that tests boot are built. */
export const BOOT_OUTPUT = path.join(CHECKOUT, '.cache/test-boot');

/** A key for SSH: the file of its private half, and the line of its public half. */
export interface Key {
  readonly file: string;
  readonly line: string;
}

/** The key of the tests that log in: kept between runs, so that the images need not be built again for another one. */
export function testKey(): Key {
  const file = path.join(BOOT_OUTPUT, 'key');
  mkdirSync(BOOT_OUTPUT, { recursive: true });
  if (!existsSync(`${file}.pub`)) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', file]);
  }
  return { file, line: readFileSync(`${file}.pub`, 'utf8').trim() };
}
