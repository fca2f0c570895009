import type { DiskWrite } from '../disk/headers.js';
import type { DiskPlan } from '../disk/types.js';

/*
 * GRUB for a BIOS lies in two places. The firmware loads the first sector, boot.img, which loads the first sector of
 * core.img, which loads the rest. Where the next one lies is written into each (numbers little-endian, in sectors of 512
 * bytes; include/grub/i386/pc/boot.h of GRUB 2, grub-core/boot/i386/pc/{boot,diskboot}.S, and what util/setup.c does on
 * a running machine; grub-bios-setup itself refuses an image):
 *
 *   boot.img   0x5c u64  sector of core.img
 *              0x66 u16  a jump that a broken BIOS needs skipped: two NOPs take the drive that the BIOS names
 *              0x1b8     end of the code: the disk's id and the partition table follow
 *   core.img   0x1f4     u64 second sector of core.img, u16 number of sectors from there, u16 segment to load them to;
 *                        the list grows downwards, an empty entry ends it
 *
 * core.img lies in the BIOS boot partition, or on an MBR between that and the first partition.
 */
const SECTOR = 512;
const BOOT_CODE = 440;
const KERNEL_SECTOR = 0x5c;
const DRIVE_CHECK = 0x66;
const NOPS = 0x9090;
const BLOCKLIST = 0x1f4;
/** GRUB_BOOT_MACHINE_KERNEL_SEG is 0x800; the first sector is loaded there, the second 0x20 paragraphs behind. */
const SECOND_SEGMENT = 0x820;

/** GRUB as it is built for one image. */
export interface GrubImages {
  /** boot.img of GRUB's package. */
  readonly boot: Buffer;
  /** core.img as grub-mkimage makes it. */
  readonly core: Buffer;
}

/** What makes a disk start with GRUB under a BIOS; leaves the partition table in the first sector alone. */
export function grubBiosWrites(disk: DiskPlan, { boot, core }: GrubImages): DiskWrite[] {
  if (boot.length !== SECTOR || boot.readUInt16LE(SECTOR - 2) !== 0xaa55)
    throw new Error('GRUB: boot.img is no boot sector');
  if (core.length <= SECTOR) throw new Error('GRUB: core.img is too short');
  const { start, bytes } = roomForCore(disk);
  const placed = Buffer.alloc(Math.ceil(core.length / SECTOR) * SECTOR);
  if (placed.length > bytes) {
    throw new Error(`GRUB: core.img has ${String(core.length)} bytes, and there is room for ${String(bytes)}`);
  }
  core.copy(placed);
  placed.writeBigUInt64LE(BigInt(start / SECTOR + 1), BLOCKLIST);
  placed.writeUInt16LE(placed.length / SECTOR - 1, BLOCKLIST + 8);
  placed.writeUInt16LE(SECOND_SEGMENT, BLOCKLIST + 10);
  const code = Buffer.from(boot.subarray(0, BOOT_CODE));
  code.writeBigUInt64LE(BigInt(start / SECTOR), KERNEL_SECTOR);
  code.writeUInt16LE(NOPS, DRIVE_CHECK);
  return [
    { offset: 0, bytes: code },
    { offset: start, bytes: placed },
  ];
}

function roomForCore(disk: DiskPlan): { start: number; bytes: number } {
  const partition = disk.partitions.find(({ type }) => type === 'bios-boot');
  if (partition !== undefined) return partition;
  if (disk.table === 'gpt') throw new Error('GRUB: a GPT without BIOS boot partition has no room for core.img');
  const first = Math.min(disk.bytes, ...disk.partitions.map(({ start }) => start));
  return { start: SECTOR, bytes: first - SECTOR };
}
