import { output } from '../../exec/run.js';
import { linesOf } from '../tree.js';

/** What is tried first: manuals of images, examples of the predecessor, the heads of every list of leaked passwords. */
const PUBLISHED = [
  'install',
  'root',
  'toor',
  'admin',
  'debian',
  'password',
  'changeme',
  'vagrant',
  'test',
  '1234',
  '12345678',
];

/** Hashes each candidate as the hash itself was made, with the system's crypt(3), which knows yescrypt. */
const TRY = `
while (my $line = <STDIN>) {
  chomp $line;
  my ($account, $hash, @candidates) = split /\\t/, $line;
  for my $candidate (@candidates) {
    my $made = crypt($candidate, $hash);
    if (defined $made && $made eq $hash) { print "$account\\t$candidate\\n"; last }
  }
}`;

/** Accounts whose password is published or their own name. */
export async function knownPasswords(
  shadow: string | undefined,
  signal: AbortSignal,
): Promise<{ account: string; password: string }[]> {
  const rows = linesOf(shadow).flatMap((line) => {
    const [account = '', hash = ''] = line.split(':');
    // Empty ones are another finding; those that begin with ! or * let nobody in.
    if (!/^[$_./0-9A-Za-z]/.test(hash)) return [];
    return [[account, hash, ...new Set([account, ...PUBLISHED])].join('\t')];
  });
  if (rows.length === 0) return [];
  const found = await output(['perl', '-we', TRY], {
    doing: 'trying published passwords',
    input: `${rows.join('\n')}\n`,
    signal,
  });
  return found
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [account = '', password = ''] = line.split('\t');
      return { account, password };
    });
}
