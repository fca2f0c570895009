import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { ONCE } from '../../src/exec/once.js';
import { CHECKOUT, runCommand, type Outcome } from './cli.js';

/** The variables that tell hooks of the ready-made disk with UEFI. */
export const DISK = {
  DISK_FIRMWARE: 'uefi',
  DISK_ROOT_UUID: 'aaaaaaaa-1111-4111-8111-111111111111',
  DISK_ROOT_ID: 'dddddddd-3333-4333-8333-333333333333',
  DISK_ROOT_SOURCE: 'UUID=aaaaaaaa-1111-4111-8111-111111111111',
  DISK_ROOT_FORMAT: 'ext4',
  DISK_ROOT_FLAGS: '',
  DISK_BOOT_UUID: 'aaaaaaaa-1111-4111-8111-111111111111',
  DISK_BOOT_FORMAT: 'ext4',
  DISK_BOOT_PREFIX: '/boot',
  DISK_ESP_UUID: 'C0DE-0001',
  DISK_ESP_ID: 'eeeeeeee-5555-4555-8555-555555555555',
  DISK_SWAP_UUID: '',
  DISK_GRUB_MODULES: 'part_gpt ext2',
  DISK_SNAPPER: 'false',
} as const;

/**
 * Runs a hook of a collection on an image, with these variables beside the usual ones.
 *
 * @param standIn functions that take the place of the library's, for images in which nothing can be run.
 */
export function runHook(
  root: string,
  hook: string,
  env: Readonly<Record<string, string>>,
  standIn = '',
): Promise<Outcome> {
  const collections = path.join(CHECKOUT, 'collections');
  const scratch = path.join(root, '.scratch');
  mkdirSync(scratch, { recursive: true });
  const files = path.join(collections, hook.slice(0, hook.indexOf('/hooks/')), 'files');
  const script = `${ONCE}\n. '${collections}/lib.sh'\n${standIn}\n. '${collections}/${hook}'`;
  return runCommand(['bash', '--norc', '--posix', '-Eeu', '-c', script], {
    env: {
      ROOT: root,
      SCRATCH: scratch,
      FILES: files,
      SOURCE_DATE_EPOCH: '1700000000',
      SUITE: 'bookworm',
      ARCH: 'amd64',
      ...env,
    },
  });
}
