/**
 * Passphrases that somebody who finds the disk tries first: those that documentation of installers and of images like
 * these has published, and the most common passwords of all. Compared without case, blanks and what stands at the end
 * (digits, punctuation).
 */
const KNOWN = new Set(
  (
    'install installer debian ubuntu linux root toor admin administrator password passwort passphrase passw0rd ' +
    'changeme changeit change letmein welcome secret geheim default test testing temp temporary example insecure ' +
    'qwerty qwertz qwertyuiop asdf asdfgh iloveyou monkey dragon abc abcdef luks encrypted cosmo user guest server ' +
    'vagrant packer ansible raspberry live toor correcthorsebatterystaple'
  ).split(' '),
);

/** Below this a list of all of them is short, whatever the key derivation costs. */
const SHORT = 8;

/**
 * Why a passphrase protects little, as a clause for a warning (`it is …`); undefined when nothing is known against it.
 * Never has any part of the passphrase in it.
 */
export function passphraseWeakness(passphrase: string): string | undefined {
  const core = passphrase
    .toLowerCase()
    .replaceAll(/\s/g, '')
    .replace(/[^a-z]+$/, '');
  if (KNOWN.has(core)) return 'it is published, or among the first that are tried';
  if (passphrase.length < SHORT) return `it is shorter than ${String(SHORT)} characters`;
  if (new Set(passphrase).size < 4) return 'it has hardly any different characters';
  if (/^\d+$/.test(passphrase) && passphrase.length < 2 * SHORT) return 'it is a short number';
  return undefined;
}
