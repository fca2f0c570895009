import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { CHECKOUT, runCommand } from './cli.js';
import { tree, type Leaf } from './tree.js';

/** What translates /etc/network/interfaces in containers. */
export const SCRIPT = path.join(
  CHECKOUT,
  'collections/lxc/base/overlay/customize/usr/local/sbin/imgbuild-network-interfaces',
);
/** First line of the files that it writes. */
export const MARK = '# Written by imgbuild-network-interfaces: changes will be lost.';

// Containers may lack all of perl but perl-base, so the script gets only the modules of that.
const PERL = 'BEGIN { @INC = grep { m{/perl-base\\z} } @INC } my $file = shift @ARGV; do $file; die $@ if $@';

export interface Converted {
  readonly code: number | string;
  readonly warnings: readonly string[];
  /** What the files say after their first line, by the part of their name between `10-` and `.network`. */
  readonly files: Readonly<Record<string, readonly string[]>>;
}

/** Lines of a section start with its title, so that expectations read `[Network] DHCP=ipv4`. */
function facts(text: string): string[] {
  const lines = text.split('\n');
  expect(lines.shift()).toBe(MARK);
  let title = '';
  return lines.flatMap((line) => {
    if (line.startsWith('[')) title = line;
    return line === '' || line.startsWith('[') ? [] : [`${title} ${line}`];
  });
}

/** Runs it on `network/interfaces` below a directory, with `out` as output. */
export async function convertIn(root: string): Promise<Converted> {
  const input = path.join(root, 'network/interfaces');
  const out = path.join(root, 'out');
  const outcome = await runCommand(['perl', '-e', PERL, SCRIPT, input, out]);
  const names = existsSync(out) ? readdirSync(out).filter((name) => name.startsWith('10-')) : [];
  const files = names.map((name) => [
    name.slice(3, -'.network'.length),
    facts(readFileSync(path.join(out, name), 'utf8')),
  ]);
  const warnings = outcome.stderr.split('\n').filter((line) => line !== '');
  return {
    code: outcome.code,
    warnings: warnings.map((line) => line.replace(`${input}: `, '')),
    files: Object.fromEntries(files) as Converted['files'],
  };
}

/** Runs it on a text, with further files beside. */
export async function convert(interfaces: string, more: Readonly<Record<string, Leaf>> = {}): Promise<Converted> {
  return await convertIn(tree({ 'network/interfaces': interfaces, ...more }));
}

/** The one file that one interface without complaints gives. */
export async function convertOne(interfaces: string): Promise<readonly string[]> {
  const { code, warnings, files } = await convert(interfaces);
  expect({ code, warnings, names: Object.keys(files) }).toEqual({ code: 0, warnings: [], names: ['eth0'] });
  return files['eth0'] ?? [];
}
