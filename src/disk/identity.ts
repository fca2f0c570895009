import { createHash } from 'node:crypto';

/** Namespace of our name-based UUIDs; any fixed one will do (RFC 9562, section 6.6). */
const NAMESPACE = Buffer.from('6f2b0c1e94d34e0cb5c37d1f2a8e6b90', 'hex');

const LVM_ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** UUID version 5 of a path in the storage tree. Equal seeds give equal disks, and a change in one place leaves the rest. */
export function uuidOf(seed: string, path: string): string {
  const bytes = createHash('sha1').update(NAMESPACE).update(`${seed}\0${path}`).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** Eight hexadecimal digits, not all zero: the id of an MBR or of a FAT volume, where zero means none. */
export function shortIdOf(seed: string, path: string): string {
  const id = uuidOf(seed, path).slice(0, 8);
  return id === '00000000' ? '00000001' : id;
}

/** 32 characters, as LVM names what it keeps. */
export function lvmIdOf(seed: string, path: string): string {
  const bytes = createHash('sha256').update(NAMESPACE).update(`${seed}\0${path}`).digest();
  return Array.from(bytes, (byte) => LVM_ALPHABET.charAt(byte % LVM_ALPHABET.length)).join('');
}
