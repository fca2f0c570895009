import { formatBytes } from '../units.js';
import type { Measured, Share } from './size.js';

/** Packages and directories that are named. */
const NAMED = 20;

/** The sizes of an image as lines for people. */
export function sizeLines(image: string, measured: Measured, shares: readonly Share[]): string[] {
  const { bytes, packages, loose } = measured;
  const row = (part: number, name: string): string => {
    const percent = bytes === 0 ? 0 : (100 * part) / bytes;
    return `  ${formatBytes(part).padStart(10)} ${percent.toFixed(1).padStart(5)} %  ${name}`;
  };
  const rest = packages.slice(NAMED);
  const directories = [...byDirectory(loose)].sort(([, a], [, b]) => b - a).slice(0, NAMED / 2);
  const lines = [
    `${image}: ${formatBytes(bytes)} of files`,
    '',
    'By collection, with all that its packages depend on and nobody before it has:',
    ...shares.map((share) => row(share.bytes, `${share.name}${counted(share.packages)}`)),
    '',
    'By package:',
    ...packages.slice(0, NAMED).map((one) => row(one.bytes, one.name)),
    ...(rest.length > 0 ? [row(sum(rest), `${String(rest.length)} more`)] : []),
    '',
    'Of no package:',
    ...directories.map(([directory, part]) => row(part, `/${directory}`)),
  ];
  // Names in an image are anybody's: none may steer the terminal.
  return lines.map((line) => line.replaceAll(/[^\P{Cc}\t]/gu, '?'));
}

function counted(packages: number): string {
  return packages === 0 ? '' : ` (${String(packages)} package${packages === 1 ? '' : 's'})`;
}

function sum(list: readonly { readonly bytes: number }[]): number {
  return list.reduce((total, { bytes }) => total + bytes, 0);
}

/** Two levels tell what it is: boot/initrd.img-6.1, var/lib, usr/lib. */
function byDirectory(loose: Measured['loose']): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { path, bytes } of loose) {
    const key = path.split('/').slice(0, 2).join('/');
    sums.set(key, (sums.get(key) ?? 0) + bytes);
  }
  return sums;
}
