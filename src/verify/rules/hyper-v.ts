import { largestDisk } from '../../config/formats.js';
import { HYPERVISORS } from '../../output/drivers.js';
import { isInstalled } from '../tree.js';
import { ruleOn, when, type Platform, type Rule } from '../types.js';
import { MIB } from './disk.js';
import { driverRule } from './drivers.js';

const HV: readonly Platform[] = ['hyper-v'];
const AZURE: readonly Platform[] = ['azure'];

const SPECIFICATION = 'MS-VHDX, Virtual Hard Disk v2 File Format';

/** Second generation of Hyper-V, and the first generation's format for Azure. */
export const HYPER_V_RULES: readonly Rule[] = [
  {
    id: 'HV-FORMAT',
    severity: 'error',
    platforms: HV,
    title: 'The disk is a .vhdx file',
    source: 'machines of the second generation take nothing else (Microsoft, Generation 2 virtual machine overview)',
    advice: 'imgbuild convert --to vhdx',
    check: ({ file, vhdx }) =>
      when(!/\.vhdx$/i.test(file.name) || vhdx === undefined, `${file.name} is none, by name or content`),
  },
  ruleOn('vhdx', HV, {
    id: 'HV-VHDX-HEADER',
    severity: 'error',
    title: 'Headers, region tables and metadata of the VHDX are sound',
    source: `${SPECIFICATION}, sections 2.2 to 2.6`,
    advice: 'make the file again: imgbuild convert --to vhdx',
    check: ({ defects, dirtyLog }) => [
      ...defects.map((message) => ({ message })),
      ...when(dirtyLog, 'there is a log that must be replayed: the file was not closed'),
    ],
  }),
  ruleOn('vhdx', HV, {
    id: 'HV-VHDX-BLOCK',
    severity: 'error',
    title: 'The block size is a power of two from 1 to 256 MiB',
    source: `${SPECIFICATION}, section 2.6.2.1`,
    advice: 'make the file again with blocks of 1 MiB',
    check: ({ blockBytes }) =>
      when(
        blockBytes < MIB || blockBytes > 256 * MIB || (blockBytes & (blockBytes - 1)) !== 0,
        `it is ${String(blockBytes)}`,
      ),
  }),
  ruleOn('vhdx', HV, {
    id: 'HV-VHDX-BLOCK-LINUX',
    severity: 'warning',
    title: 'The block size is 1 MiB',
    source: 'Microsoft, Best practices for running Linux on Hyper-V: ext4 spreads its data, larger blocks waste space',
    advice: 'imgbuild convert --to vhdx, or qemu-img convert -O vhdx -o block_size=1M',
    check: ({ blockBytes }) => when(blockBytes !== MIB, `it is ${String(blockBytes / MIB)} MiB`),
  }),
  ruleOn('vhdx', HV, {
    id: 'HV-VHDX-SECTOR',
    severity: 'error',
    title: 'Logical and physical sectors are of 512 or 4096 bytes',
    source: `${SPECIFICATION}, sections 2.6.2.4 and 2.6.2.5`,
    advice: 'make the file again',
    check: ({ logicalSector, physicalSector }) => [
      ...when(![512, 4096].includes(logicalSector), `logical sectors are of ${String(logicalSector)} bytes`),
      ...when(![512, 4096].includes(physicalSector), `physical sectors are of ${String(physicalSector)} bytes`),
    ],
  }),
  ruleOn('vhdx', HV, {
    id: 'HV-VHDX-SIZE',
    severity: 'error',
    title: 'The disk has at most 64 TiB and whole sectors',
    source: `${SPECIFICATION}, section 2.6.2.2`,
    advice: 'correct disk.size',
    check: ({ bytes, logicalSector }) => [
      ...when(bytes > largestDisk('vhdx'), `it has ${String(bytes)} bytes`),
      ...when(logicalSector > 0 && bytes % logicalSector !== 0, `${String(bytes)} bytes are no whole sectors`),
    ],
  }),
  ruleOn('vhdx', HV, {
    id: 'HV-VHDX-ROUND',
    severity: 'warning',
    title: 'The size of the disk is a multiple of 1 MiB',
    source: 'Hyper-V Manager and Azure round other sizes, and the copy of the GPT is then not at the end',
    advice: 'correct disk.size',
    check: ({ bytes }) => when(bytes % MIB !== 0, `it has ${String(bytes)} bytes`),
  }),
  ruleOn('vhdx', HV, {
    id: 'HV-VHDX-PARENT',
    severity: 'error',
    title: 'The VHDX needs no other file',
    source: `${SPECIFICATION}, section 2.6.2.1: a differencing disk is nothing without its parent`,
    advice: 'merge it: Merge-VHD',
    check: ({ hasParent }) => when(hasParent, 'it is a differencing disk'),
  }),
  ruleOn('boot', HV, {
    id: 'HV-UEFI',
    severity: 'error',
    title: 'The disk has an EFI system partition',
    source: 'machines of the second generation have no BIOS (Microsoft, Generation 2 virtual machine overview)',
    advice: 'disk.firmware: uefi',
    check: ({ esp }) => when(esp === undefined, 'there is none'),
  }),
  ruleOn('boot', HV, {
    id: 'HV-SECURE-BOOT',
    severity: 'info',
    title: 'With Secure Boot, the machine wants another template than its default',
    source: 'the default MicrosoftWindows starts no Linux (Microsoft, Set-VMFirmware)',
    advice:
      'Set-VMFirmware NAME -SecureBootTemplate MicrosoftUEFICertificateAuthority; for an unsigned loader -EnableSecureBoot Off',
    check: ({ esp, signers }) =>
      when(esp !== undefined, signers.length === 0 ? 'the boot loader is not signed' : 'the boot loader is signed'),
  }),
  ruleOn('boot', [...HV, ...AZURE], driverRule('HV-INITRAMFS', HYPERVISORS.hyperV.drivers, 'any disk of Hyper-V')),
  ruleOn('tree', HV, {
    id: 'HV-DAEMONS',
    severity: 'warning',
    title: 'hyperv-daemons is installed',
    source: 'key-value exchange (addresses in the Manager), consistent backups and file copy need it',
    advice: 'packages: [hyperv-daemons]',
    check: (tree) => when(!isInstalled(tree, 'hyperv-daemons'), 'it is not installed'),
  }),
  {
    id: 'HV-VHD-FORMAT',
    severity: 'error',
    platforms: AZURE,
    title: 'The disk is a .vhd file',
    source: 'Azure takes nothing else, VHDX neither (Microsoft, Prepare a Linux virtual hard disk for upload)',
    advice: 'imgbuild convert --to vhd',
    check: ({ file, vhd }) =>
      when(!/\.vhd$/i.test(file.name) || vhd === undefined, `${file.name} is none, by name or content`),
  },
  ruleOn('vhd', AZURE, {
    id: 'HV-VHD-FIXED',
    severity: 'error',
    title: 'The VHD is of fixed size',
    source: 'Azure takes no other (Microsoft, Prepare a Linux virtual hard disk for upload)',
    advice: 'qemu-img convert -O vpc -o subformat=fixed,force_size',
    check: ({ type }) => when(type !== 'fixed', `it is ${type}`),
  }),
  ruleOn('vhd', AZURE, {
    id: 'HV-VHD-ALIGNED',
    severity: 'error',
    title: 'The size of the disk is a multiple of 1 MiB',
    source: 'Azure refuses other sizes (Microsoft, Prepare a Linux virtual hard disk for upload)',
    advice: 'correct disk.size, and convert with force_size',
    check: ({ bytes }) => when(bytes % MIB !== 0, `it has ${String(bytes)} bytes`),
  }),
  ruleOn('vhd', AZURE, {
    id: 'HV-VHD-FOOTER',
    severity: 'error',
    title: 'The footer of the VHD is sound',
    source: 'Microsoft, Virtual Hard Disk Image Format Specification 1.0',
    advice: 'make the file again',
    check: ({ defects }) => defects.map((message) => ({ message })),
  }),
];
