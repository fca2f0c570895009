import { readFile } from 'node:fs/promises';

/** Common names in the certificates that sign boot loaders for machines with Microsoft's keys, and Debian's own. */
const SIGNERS = /Microsoft(?: Corporation)? UEFI CA 20\d\d|Debian Secure Boot (?:CA|Signer \d{4})/g;

/** Entry of the certificate table in the data directories of a PE file. */
const CERTIFICATES = 4;

/**
 * Who has signed an EFI program: the names of issuers that stand in its certificate table. Empty when it is not signed.
 * Whether a signature is right is the firmware's business.
 */
export async function signersOf(file: string): Promise<string[]> {
  const image = await readFile(file);
  const header = image.length < 0x40 ? 0 : image.readUInt32LE(0x3c);
  if (image.length < header + 0x100 || image.toString('latin1', header, header + 4) !== 'PE\0\0') return [];
  const optional = header + 24;
  // PE32+ has wider fields before its directories.
  const directories = optional + (image.readUInt16LE(optional) === 0x20b ? 112 : 96);
  const at = image.readUInt32LE(directories + CERTIFICATES * 8);
  const length = image.readUInt32LE(directories + CERTIFICATES * 8 + 4);
  if (at === 0 || length === 0) return [];
  const names = image.toString('latin1', at, at + length).match(SIGNERS) ?? ['somebody unknown'];
  return [...new Set(names)].sort();
}
