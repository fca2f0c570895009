import type { Raid1Plan } from './types.js';

/*
 * The superblock of a RAID1 member, version 1.2, written by hand because mdadm needs the kernel's md to make an array.
 *
 * It lies 4 KiB into the member (all numbers little-endian, sectors of 512 bytes; struct mdp_superblock_1 in mdadm's
 * super1.c and in the kernel's include/uapi/linux/raid/md_p.h):
 *
 *     0 u32 magic            4 u32 version 1         8 u32 features         16 UUID of the array
 *    32 name, 32 bytes      64 u64 made at          72 u32 level            80 u64 sectors used of each member
 *    92 u32 disks          128 u64 data offset     136 u64 sectors for data
 *   144 u64 offset of this superblock              160 u32 number of this device
 *   168 UUID of this device                        186 u16 length, 188 u32 offset of the list of bad blocks
 *   192 u64 written at     200 u64 events          208 u64 in sync up to here, all ones: wholly
 *   216 u32 checksum       220 u32 entries of the table of roles
 *   256 u16 role of each device by number: 0xffff has none
 *
 * 224 to 255 stay zero: newer kernels keep a logical block size at 224, and 6.1 refuses an array where it is set.
 */
const SECTOR = 512;
const SUPERBLOCK_OFFSET = 4096;
const ROLES = 256;

/** Entries of the table of roles that mdadm makes for a new array, and so the size of the superblock. */
const DEVICES_MAX = 128;
const NO_ROLE = 0xffff;

/** The kernel counts members in 4 KiB. */
const BLOCK = 4096;

/** Where mdadm puts the list of bad blocks: in the 4 KiB behind the superblock's (super1.c: write_init_super1). */
const BAD_BLOCKS = { offset: 16, sectors: 8 };

/**
 * The name of an array starts with the host that it is at home on. Everywhere is `any` to mdadm (Incremental.c, 3a), so
 * that the machine's own name may change, and a rescue system still finds the array by its name.
 */
const HOME = 'any:';
const NAME_BYTES = 32;

/** Bytes that an array of this plan has for its content. */
function raidBytes({ bytes, dataOffset }: Raid1Plan): number {
  return Math.floor((bytes - dataOffset) / BLOCK) * BLOCK;
}

/**
 * The first member of a RAID1 up to and with its superblock: to be written at the member's start. The others are missing.
 *
 * An array that counts two devices starts degraded, after a wait for the second one, which then is simply added. One
 * that counts one starts at once and is whole, and has to be grown for a second (`mdadm --grow --raid-devices=2`).
 * Neither has a write-intent bitmap; the gap before the data leaves room for one.
 */
export function mdSuperblock(plan: Raid1Plan, epoch: number): Buffer {
  const head = Buffer.alloc(SUPERBLOCK_OFFSET + ROLES + 2 * DEVICES_MAX);
  const block = head.subarray(SUPERBLOCK_OFFSET);
  block.writeUInt32LE(0xa92b4efc, 0);
  block.writeUInt32LE(1, 4);
  putUuid(block, 16, plan.uuid);
  block.write(nameField(plan.name), 32, NAME_BYTES, 'ascii');
  putU64(block, 64, epoch);
  block.writeUInt32LE(1, 72);
  putU64(block, 80, raidBytes(plan) / SECTOR);
  block.writeUInt32LE(plan.devices, 92);
  putU64(block, 128, plan.dataOffset / SECTOR);
  putU64(block, 136, Math.floor((plan.bytes - plan.dataOffset) / SECTOR));
  putU64(block, 144, SUPERBLOCK_OFFSET / SECTOR);
  putUuid(block, 168, plan.deviceUuid);
  block.writeUInt16LE(BAD_BLOCKS.sectors, 186);
  block.writeUInt32LE(BAD_BLOCKS.offset, 188);
  putU64(block, 192, epoch);
  block.fill(0xff, 208, 216);
  block.writeUInt32LE(DEVICES_MAX, 220);
  for (let device = 0; device < DEVICES_MAX; device += 1) {
    block.writeUInt16LE(device === 0 ? 0 : NO_ROLE, ROLES + 2 * device);
  }
  block.writeUInt32LE(checksum(block), 216);
  return head;
}

/** Feature bits that do not change what a member may hold: the list of bad blocks (md_p.h: MD_FEATURE_BAD_BLOCKS). */
const HARMLESS_FEATURES = 8;

/** Where the data of a member lie and where its superblock does, as the superblock says. */
export interface MemberPlace {
  readonly dataOffset: number;
  /** Of the whole superblock with its table of roles, from the member's start. */
  readonly superblock: Buffer;
}

/**
 * The superblock of a RAID1 member of version 1.2, if it is one and is whole.
 *
 * @param member its first 8 KiB or more.
 */
export function readSuperblock(member: Buffer): MemberPlace | undefined {
  const block = member.subarray(SUPERBLOCK_OFFSET);
  if (block.length < ROLES || block.readUInt32LE(0) !== 0xa92b4efc || block.readUInt32LE(4) !== 1) return undefined;
  if (block.readBigUInt64LE(144) !== BigInt(SUPERBLOCK_OFFSET / SECTOR) || block.readUInt32LE(72) !== 1)
    return undefined;
  const size = ROLES + 2 * block.readUInt32LE(220);
  if (size > BLOCK || size > block.length) return undefined;
  const superblock = Buffer.from(block.subarray(0, size));
  const stated = superblock.readUInt32LE(216);
  superblock.writeUInt32LE(0, 216);
  if (checksum(superblock) !== stated) return undefined;
  return { dataOffset: Number(superblock.readBigUInt64LE(128)) * SECTOR, superblock };
}

/**
 * The superblock of a member that has become larger, as `mdadm --grow --size=max` leaves it; undefined where that takes
 * more than two fields: with a bitmap, while the array is being rebuilt or reshaped.
 *
 * @param bytes of the member.
 */
export function grownSuperblock(superblock: Buffer, bytes: number): { offset: number; bytes: Buffer } | undefined {
  const block = Buffer.from(superblock);
  const dataOffset = Number(block.readBigUInt64LE(128)) * SECTOR;
  const plain = (block.readUInt32LE(8) & ~HARMLESS_FEATURES) === 0;
  if (!plain || block.readBigUInt64LE(208) !== 0xffffffffffffffffn) return undefined;
  putU64(block, 80, (Math.floor((bytes - dataOffset) / BLOCK) * BLOCK) / SECTOR);
  putU64(block, 136, Math.floor((bytes - dataOffset) / SECTOR));
  block.writeUInt32LE(0, 216);
  block.writeUInt32LE(checksum(block), 216);
  return { offset: SUPERBLOCK_OFFSET, bytes: block };
}

/** Without a host where both do not fit, as mdadm does (super1.c: init_super1). */
function nameField(name: string): string {
  return HOME.length + name.length < NAME_BYTES ? HOME + name : name;
}

/** Sum of all 32-bit words, and of half a one at the end, while the field itself is zero; carries added (calc_sb_1_csum). */
function checksum(block: Buffer): number {
  let sum = 0;
  for (let offset = 0; offset < block.length; offset += 4) {
    sum += block.readUIntLE(offset, Math.min(4, block.length - offset));
  }
  return ((sum % 2 ** 32) + Math.floor(sum / 2 ** 32)) % 2 ** 32;
}

function putU64(buffer: Buffer, offset: number, value: number): void {
  buffer.writeBigUInt64LE(BigInt(value), offset);
}

function putUuid(buffer: Buffer, offset: number, uuid: string): void {
  buffer.write(uuid.replaceAll('-', ''), offset, 'hex');
}
