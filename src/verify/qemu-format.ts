import { UserError } from '../errors.js';
import type { DiskFormat } from './qemu-arguments.js';

/** What the bytes of a file say that it is. */
export type Container =
  | { readonly kind: 'disk'; readonly format: DiskFormat }
  | { readonly kind: 'zstd' }
  | { readonly kind: 'tar' }
  | { readonly kind: 'other'; readonly what: string; readonly hint: string };

/** How much of the beginning and of the end of a file `recognise` looks at. */
export const HEAD_BYTES = 1024;
export const TAIL_BYTES = 512;

/** Tells what a file is by its content; names lie. */
export function recognise(head: Buffer, tail: Buffer): Container {
  if (begins(head, 'QFI\xfb')) return qcow2(head);
  if (begins(head, 'vhdxfile')) return { kind: 'disk', format: 'vhdx' };
  if (begins(head, 'KDMV')) return { kind: 'disk', format: 'vmdk' };
  // A dynamic VHD begins with a copy of its footer, a fixed one has the footer alone.
  if (begins(head, 'conectix') || begins(tail, 'conectix')) return { kind: 'disk', format: 'vpc' };
  if (begins(head, '\x28\xb5\x2f\xfd')) return { kind: 'zstd' };
  if (head.toString('latin1', 257, 262) === 'ustar') return { kind: 'tar' };
  if (begins(head, '# Disk DescriptorFile')) {
    return other(
      'a VMDK whose data lie in other files',
      'qemu-img convert -O qcow2 FILE NEW.qcow2 makes one file of them',
    );
  }
  if (begins(head, '\x1f\x8b')) return other('packed with gzip', 'unpack it first: gunzip -k FILE');
  if (begins(head, '\xfd7zXZ')) return other('packed with xz', 'unpack it first: xz -dk FILE');
  if (begins(head, 'LUKS\xba\xbe')) return other('an encrypted volume without a partition table', 'only disks boot');
  if (head.readUInt16LE(510) === 0xaa55) return { kind: 'disk', format: 'raw' };
  return other('no disk image', 'raw, raw.zst, qcow2, vhdx, vhd, vmdk and ova are read');
}

function qcow2(head: Buffer): Container {
  // Offset of the backing file's name: what is not there cannot be booted, and what is there may be any file.
  if (head.readBigUInt64BE(8) !== 0n) {
    return other('a qcow2 image that needs a backing file', 'qemu-img convert -O qcow2 FILE NEW.qcow2 makes it whole');
  }
  return { kind: 'disk', format: 'qcow2' };
}

function other(what: string, hint: string): Container {
  return { kind: 'other', what, hint };
}

function begins(bytes: Buffer, magic: string): boolean {
  return bytes.toString('latin1', 0, magic.length) === magic;
}

/** A regular file in a tar archive, with the place of its bytes. */
export interface TarMember {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
}

/** The member whose header this is; undefined at the end of the archive. */
export function tarMember(
  header: Buffer,
  at: number,
): (TarMember & { readonly next: number; readonly type: string }) | undefined {
  const name = text(header.subarray(0, 100));
  if (name === '') return undefined;
  const bytes = tarNumber(header.subarray(124, 136));
  const offset = at + 512;
  return { name, offset, bytes, type: text(header.subarray(156, 157)), next: offset + Math.ceil(bytes / 512) * 512 };
}

/** Octal, or base 256 behind a set first bit: disks are larger than eleven octal digits can say. */
function tarNumber(field: Buffer): number {
  if (((field[0] ?? 0) & 0x80) !== 0) return Number(BigInt(`0x${field.toString('hex')}`) & ((1n << 88n) - 1n));
  return Number.parseInt(text(field).trim() || '0', 8);
}

function text(field: Buffer): string {
  return field.toString('latin1').replace(/\0.*$/s, '');
}

/**
 * Names of the disks of an OVF, in its order.
 *
 * @throws UserError when there are none.
 */
export function ovfDisks(ovf: string): string[] {
  const attribute = (element: string, name: string): string =>
    new RegExp(`\\b(?:\\w+:)?${name}\\s*=\\s*"([^"]*)"`).exec(element)?.[1] ?? '';
  const elements = (name: string): string[] => ovf.match(new RegExp(`<(?:\\w+:)?${name}\\b[^>]*>`, 'g')) ?? [];
  const files = new Map(elements('File').map((element) => [attribute(element, 'id'), attribute(element, 'href')]));
  const disks = elements('Disk').flatMap((element) => files.get(attribute(element, 'fileRef')) ?? []);
  if (disks.length === 0) throw new UserError('the OVF in this archive names no disk');
  return disks;
}
