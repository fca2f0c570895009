import { HARDWARE_VERSIONS } from '../config/machine-options.js';
import {
  flag,
  fromOption,
  gateOf,
  gone,
  isOn,
  number,
  oddSwitch,
  size,
  sizeWith,
  text,
  wordsOf,
  type Outcome,
  type Variable,
} from './variable.js';

function mirror(other: string): Variable {
  return {
    options: ['disk.raid', 'disk.raidDevices'],
    to: (value, { on }) => {
      const both = isOn(value) && on(other);
      const raid: Outcome[] = [{ option: 'disk.raid', value: isOn(value) || on(other) }];
      if (!isOn(value) && !on(other)) return [...raid, ...oddSwitch(value)];
      const one: Outcome = { told: 'there is one switch for /boot and the rest: both become arrays' };
      return [...raid, { option: 'disk.raidDevices', value: 1 }, ...(both ? [] : [one])];
    },
    shell: `$(dbuild_flag "${fromOption('disk.raid')}")`,
    gate: other,
    usual: '0',
    remark: 'one switch for both, with one disk as before',
  };
}

const KERNELS: Readonly<Record<string, string>> = { 'linux-image': 'generic', 'linux-image-cloud': 'cloud' };

const kernelImage: Variable = {
  options: ['kernel.flavour'],
  to: (value) => {
    const flavour = KERNELS[value.replace(/-(amd64|arm64)$/, '')];
    if (value === '' || flavour !== undefined) return [{ option: 'kernel.flavour', value: flavour ?? 'none' }];
    return [{ option: 'kernel.flavour', value: 'none' }, { packages: wordsOf(value) }];
  },
  shell: `$(dbuild_kernel "${fromOption('kernel.flavour')}")`,
  remark: "`generic` and `cloud` for Debian's; another one is a package of the profile",
};

/** Variables about disks, how they start, and virtual machines. */
export const DISK_VARIABLES: Readonly<Record<string, Variable>> = {
  OCONF_BOOT_TYPE: text('disk.firmware'),
  OCONF_ROOTFS_TYPE: text('disk.rootFormat'),
  OFEAT_SEPARATE_BOOT: flag('disk.separateBoot'),
  OFEAT_GEN_FS_UUID: gone('identities come from the name and the layout (`disk.seed`)', '1'),
  OFEAT_GRUB_INSMOD_LVM: gone('the modules of GRUB follow from the disk'),
  OFEAT_GRUB_INSMOD_MDADM_RAID1: gone('the modules of GRUB follow from the disk'),
  OFEAT_BOOT_CMDLINE: gateOf('boot.cmdline'),
  OCONF_BOOT_CMDLINE: {
    ...text('boot.cmdline'),
    to: (value, { on }) => {
      if (!on('OFEAT_BOOT_CMDLINE')) {
        return value === '' ? [] : [{ told: 'counted only with OFEAT_BOOT_CMDLINE=1, which is not so: left out' }];
      }
      return value === '' ? [] : [{ option: 'boot.cmdline', value: `quiet ${value}` }];
    },
    gate: 'OFEAT_BOOT_CMDLINE',
    remark: 'the whole command line: `quiet`, which came by itself, is written out',
  },
  OFEAT_KERNEL_IMAGE: {
    options: ['kernel.flavour'],
    to: (value) => [...(isOn(value) ? [] : [{ option: 'kernel.flavour', value: 'none' }]), ...oddSwitch(value)],
    shell: `$(dbuild_flag "$(dbuild_kernel "${fromOption('kernel.flavour')}")")`,
    remark: '0 is `none`',
  },
  OCONF_KERNEL_IMAGE: kernelImage,
  OFEAT_ROOTFS_MINIMAL_KERNEL: flag('kernel.minimal'),
  OFEAT_UEFI_SECURE_BOOT: flag('boot.secureBoot'),
  OCONF_HW_ROOT_DISK_SIZE: size('disk.size', {
    remark: 'by default as large as needed; the first boot takes the rest',
  }),
  OCONF_HW_ROOT_VG_NAME: text('disk.volumeGroup'),
  OCONF_HW_ESP_SIZE: size('disk.espSize'),
  OCONF_HW_BOOT_SIZE: size('disk.bootSize'),
  OCONF_HW_ROOTFS_COMPRESSION: {
    ...text('disk.compression'),
    to: (value) => [{ option: 'disk.compression', value: value === '' ? 'none' : value }],
  },
  OCONF_HW_ROOTFS_SIZE: size('disk.rootSize'),
  OFEAT_HW_SWAP: {
    options: ['disk.swap'],
    to: (value) => [{ option: 'disk.swap', value: isOn(value) ? 'partition' : 'none' }, ...oddSwitch(value)],
    shell: `$(dbuild_swap "${fromOption('disk.swap')}")`,
    usual: '0',
    remark: '`none`, or `partition`; `volume` encrypts swap as well',
  },
  OCONF_HW_SWAP_SIZE: size('disk.swapSize', { gate: 'OFEAT_HW_SWAP' }),
  OFEAT_HW_LOG_LV: {
    options: ['disk.logSize'],
    to: (value) => [...(isOn(value) ? [] : [{ option: 'disk.logSize', value: '0' }]), ...oddSwitch(value)],
    shell: `$(dbuild_flag "${fromOption('disk.logSize')}")`,
    usual: '1',
    remark: '0 is the size 0',
  },
  OCONF_HW_LOG_LV_SIZE: sizeWith('disk.logSize', 'OFEAT_HW_LOG_LV'),
  OFEAT_HW_APT_CACHE_LV: {
    ...gateOf('disk.aptSize'),
    to: (value, { get }) => {
      // Its size was 4G unless somebody said otherwise.
      const unsized = isOn(value) && get('OCONF_HW_APT_CACHE_LV_SIZE') === undefined;
      return [...(unsized ? [{ option: 'disk.aptSize', value: '4G' }] : []), ...oddSwitch(value)];
    },
  },
  OCONF_HW_APT_CACHE_LV_SIZE: sizeWith('disk.aptSize', 'OFEAT_HW_APT_CACHE_LV'),
  OFEAT_HW_BOOT_RAID1: mirror('OFEAT_HW_ROOT_VG_RAID1'),
  OFEAT_HW_ROOT_VG_RAID1: mirror('OFEAT_HW_BOOT_RAID1'),
  OFEAT_HW_ROOT_VG_LUKS: {
    options: ['disk.luks.enable', 'disk.luks.passphrase'],
    to: (value) => {
      const enable: Outcome = { option: 'disk.luks.enable', value: isOn(value) };
      if (!isOn(value)) return [enable, ...oddSwitch(value)];
      return [enable, { option: 'disk.luks.passphrase', value: { env: 'LUKS_PASSPHRASE' } }];
    },
    shell: `$(dbuild_flag "${fromOption('disk.luks.enable')}")`,
    usual: '0',
  },
  OCONF_HW_ROOT_VG_LUKS_PASSPHRASE: {
    options: ['disk.luks.passphrase'],
    to: () => [{ told: 'the passphrase is not copied: it comes from the environment, $LUKS_PASSPHRASE' }],
    remark: 'from $LUKS_PASSPHRASE, never from a file',
  },
  OFEAT_VM_SWAP: {
    options: ['disk.swap'],
    to: (value) => [...(isOn(value) ? [] : [{ option: 'disk.swap', value: 'none' }]), ...oddSwitch(value)],
    shell: `$(dbuild_swap "${fromOption('disk.swap')}")`,
    usual: '1',
    remark: '0 is `none`; swap is a partition of the one disk now, `disk` gives it a second one as before',
  },
  OCONF_VM_SWAP_SIZE: size('disk.swapSize', { gate: 'OFEAT_VM_SWAP' }),
  OCONF_VM_ROOTFS_SIZE: size('disk.rootSize'),
  OCONF_VM_ESP_SIZE: size('disk.espSize'),
  OCONF_VM_ESXI_HW_VERSION: {
    ...number('vm.hardwareVersion'),
    to: (value) =>
      value in HARDWARE_VERSIONS
        ? [{ option: 'vm.hardwareVersion', value: Number(value) }]
        : [{ lost: `virtual hardware ${value} is none of ${Object.keys(HARDWARE_VERSIONS).join(', ')}` }],
  },
  OCONF_VM_ESXI_OS_TYPE: {
    options: ['vm.osType'],
    to: (value) => {
      const release = /^debian(\d+)-64$/.exec(value)?.[1];
      return [{ option: 'vm.osType', value: release === undefined ? value : `debian${release}_64Guest` }];
    },
    remark: 'debian11-64 is `debian11_64Guest`, as vSphere says it',
  },
};
