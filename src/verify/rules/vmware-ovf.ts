import { HARDWARE_VERSIONS } from '../../config/machine-options.js';
import type { OvfFacts, OvfItem } from '../facts.js';
import { ruleOn, when, type Offence, type Platform, type Rule } from '../types.js';

const VMWARE: readonly Platform[] = ['vmware'];
const OVF: readonly Platform[] = ['vmware', 'proxmox-vm'];

const ENVELOPE = 'http://schemas.dmtf.org/ovf/envelope/1';
const STREAM = 'http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized';

/** Resource types of CIM_ResourceAllocationSettingData. */
const TYPE = { processor: 3, memory: 4, ide: 5, scsi: 6, ethernet: 10, disk: 17, sata: 20 } as const;
const CONTROLLERS: readonly number[] = [TYPE.ide, TYPE.scsi, TYPE.sata];

/** Settings that would make all copies of a machine the same one. */
const IDENTITIES = /^(uuid\.(bios|location)|vc\.uuid|machine\.id|ethernet\d+\.(address|generatedAddress))$/i;

const PVE = 'pve-storage, GuestImport/OVF.pm';

function items(ovf: OvfFacts, ...types: readonly number[]): readonly OvfItem[] {
  return ovf.items.filter(({ type }) => types.includes(type));
}

function itemName({ id, type }: OvfItem): string {
  return `item ${id} (type ${String(type)})`;
}

/** The descriptor of a virtual appliance. */
export const VMWARE_OVF_RULES: readonly Rule[] = [
  ruleOn('ovf', OVF, {
    id: 'VMW-OVF-XML',
    severity: 'error',
    title: 'The descriptor is well-formed XML',
    source: 'DMTF DSP0243, section 6.2',
    advice: 'xmllint FILE tells more',
    check: ({ defect }) => when(defect !== '', defect),
  }),
  ruleOn('ovf', OVF, {
    id: 'VMW-OVF-NAMESPACE',
    severity: 'error',
    title: 'The envelope is of OVF 1',
    source: `vSphere reads OVF 1; ${PVE}, finds nothing in the namespace of OVF 2`,
    advice: `xmlns="${ENVELOPE}"`,
    check: ({ namespace, defect }) => when(defect === '' && namespace !== ENVELOPE, `its namespace is ${namespace}`),
  }),
  ruleOn('ovf', OVF, {
    id: 'VMW-OVF-FILES',
    severity: 'error',
    title: 'Every file in References is there, under a plain name and with its size',
    source: `DMTF DSP0243, section 7.1; ${PVE}`,
    advice: 'write ovf:href and ovf:size from the files',
    check: ({ files, there }) =>
      files.flatMap(({ href, bytes }) => [
        ...when(!/^[A-Za-z0-9._+=-]+$/.test(href), 'not a plain name', href),
        ...when(!there.has(href), 'is not there', href),
        ...when(
          there.has(href) && there.get(href) !== bytes,
          `has ${String(there.get(href))} bytes, not ${String(bytes)}`,
          href,
        ),
      ]),
  }),
  ruleOn('ovf', OVF, {
    id: 'VMW-OVF-DISK-FORMAT',
    severity: 'error',
    title: 'The format of disks is the URL of streamOptimized',
    source: 'ESXi refuses an URL that ends in # or says something else (isar issue 106)',
    advice: `ovf:format="${STREAM}"`,
    check: ({ disks }) => disks.flatMap(({ id, format }) => when(format !== STREAM, `its format is ${format}`, id)),
  }),
  ruleOn('ovf', OVF, {
    id: 'VMW-OVF-DISK-UNITS',
    severity: 'error',
    title: 'The capacity of disks is given in units of byte * 2^N',
    source: `${PVE}, understands no other form and takes the disk for empty`,
    advice: 'ovf:capacityAllocationUnits="byte * 2^20"',
    check: ({ disks }) =>
      disks.flatMap(({ id, units }) =>
        when(!/^byte \* 2\^\d+$/.test(units), `its units are ${units === '' ? 'missing' : units}`, id),
      ),
  }),
  ruleOn('ovf', OVF, {
    id: 'VMW-OVF-DISK-CAPACITY',
    severity: 'error',
    title: 'The capacity of the disk is that of its VMDK',
    source: 'the importer makes a disk of this size and then runs out of it',
    advice: 'the size of the disk, rounded up to whole units',
    check: ({ disks }, { vmdk }) =>
      disks.slice(0, 1).flatMap(({ id, capacity, units }) => {
        const unit = 2 ** Number(/2\^(\d+)$/.exec(units)?.[1] ?? 0);
        const wrong = vmdk !== undefined && capacity !== Math.ceil(vmdk.capacity / unit);
        return when(wrong, `it says ${String(capacity * unit)}, the VMDK has ${String(vmdk?.capacity)} bytes`, id);
      }),
  }),
  ruleOn('ovf', OVF, {
    id: 'VMW-OVF-OS',
    severity: 'error',
    title: 'The operating system is Debian 64-bit: ovf:id 96',
    source: `CIM_OperatingSystem; ${PVE}, takes 94 to 96, 100 and 101 for Linux and everything else for other`,
    advice: '<OperatingSystemSection ovf:id="96">',
    check: ({ osId, defect }) => when(defect === '' && osId !== 96, `it is ${String(osId)}`),
  }),
  ruleOn('ovf', VMWARE, {
    id: 'VMW-OVF-OS-TYPE',
    severity: 'warning',
    title: 'vmw:osType names a 64-bit Linux',
    source: 'vSphere chooses devices and timers by it (osbuild issue 2480: the right value makes it faster)',
    advice: 'debian12_64Guest or other5xLinux64Guest',
    check: ({ osType, defect }) =>
      when(
        defect === '' && !/^(debian\d+|other\dxLinux|otherLinux)_?64Guest$/.test(osType),
        `it is ${osType || 'missing'}`,
      ),
  }),
  ruleOn('ovf', VMWARE, {
    id: 'VMW-OVF-HARDWARE',
    severity: 'error',
    title: 'The hardware version is one that vSphere 6.5 to 9.0 has',
    source: 'VMware knowledge base 1003746: an older host refuses a newer version',
    advice: 'vmx-15 unless the machine needs more',
    check: ({ systemType, defect }) => {
      const [, version = ''] = /^vmx-(\d+)$/.exec(systemType) ?? [];
      return when(defect === '' && !(version in HARDWARE_VERSIONS), `it is ${systemType || 'missing'}`);
    },
  }),
  ruleOn('ovf', OVF, {
    id: 'VMW-OVF-ITEMS',
    severity: 'error',
    title: 'Hardware is described by Item elements alone',
    source: `${PVE}, reads no StorageItem and no EthernetPortItem, which are of OVF 2`,
    advice: 'write Item',
    check: ({ items: all }) =>
      all.flatMap((item) => when(item.element !== 'Item', `it is a ${item.element}`, itemName(item))),
  }),
  ruleOn('ovf', OVF, {
    id: 'VMW-OVF-DISK-PLACE',
    severity: 'error',
    title: 'Each disk has its file in HostResource, and a place at a controller',
    source: `${PVE}: rasd:HostResource is ovf:/disk/ID, rasd:Parent a controller, rasd:AddressOnParent its place`,
    advice: 'write all three',
    check: (ovf) => items(ovf, TYPE.disk).flatMap((disk) => place(ovf, disk)),
  }),
  ruleOn('ovf', VMWARE, {
    id: 'VMW-OVF-CONTROLLER',
    severity: 'warning',
    title: 'The controller of disks is paravirtual: VirtualSCSI',
    source: 'VMware knowledge base 1010398; others cost processor time',
    advice: '<rasd:ResourceSubType>VirtualSCSI</rasd:ResourceSubType>',
    check: (ovf) =>
      items(ovf, ...CONTROLLERS)
        .filter(({ id }) => items(ovf, TYPE.disk).some(({ parent }) => parent === id))
        .flatMap((item) => when(item.subType !== 'VirtualSCSI', `it is ${item.subType || 'not said'}`, itemName(item))),
  }),
  ruleOn('ovf', VMWARE, {
    id: 'VMW-OVF-NETWORK',
    severity: 'warning',
    title: 'Network adapters are VmxNet3',
    source: 'VMware knowledge base 1001805; others are emulated',
    advice: '<rasd:ResourceSubType>VmxNet3</rasd:ResourceSubType>',
    check: (ovf) =>
      items(ovf, TYPE.ethernet).flatMap((item) =>
        when(item.subType.toLowerCase() !== 'vmxnet3', `it is ${item.subType || 'not said'}`, itemName(item)),
      ),
  }),
  ruleOn('ovf', OVF, {
    id: 'VMW-OVF-MEMORY',
    severity: 'error',
    title: 'The machine has processors, and its memory in MiB',
    source: `${PVE}, takes the number as megabytes whatever the units say`,
    advice: '<rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits>',
    check: (ovf) =>
      when(
        ovf.defect === '' && !items(ovf, TYPE.processor).some(({ quantity }) => quantity > 0),
        'no processor',
      ).concat(
        when(ovf.defect === '' && !items(ovf, TYPE.memory).some(inMebibytes), 'no memory in units of byte * 2^20'),
      ),
  }),
  ruleOn('ovf', OVF, {
    id: 'VMW-OVF-FIRMWARE',
    severity: 'error',
    title: 'The firmware is the one that the disk boots with',
    source: 'without vmw:Config firmware=efi the machine gets a BIOS, for both vSphere and Proxmox VE',
    advice: '<vmw:Config ovf:required="false" vmw:key="firmware" vmw:value="efi"/>',
    check: ({ config }, { boot, disk }) => {
      const efi = config['firmware'] === 'efi';
      if (boot === undefined) return [];
      return [
        ...when(efi && boot.esp === undefined, 'it is efi, and the disk has no EFI system partition'),
        ...when(!efi && disk?.bootCode !== true, 'it is a BIOS, and the disk has no boot code'),
      ];
    },
  }),
  ruleOn('ovf', VMWARE, {
    id: 'VMW-OVF-SECURE-BOOT',
    severity: 'error',
    title: 'With Secure Boot on, the boot loader is signed',
    source: 'the firmware refuses it otherwise, and starts nothing',
    advice: 'vm.secureBoot: false, or use the signed shim',
    check: ({ config }, { boot }) =>
      when(
        config['bootOptions.efiSecureBootEnabled'] === 'true' && boot?.signers.length === 0,
        'efiSecureBootEnabled is true, and nobody has signed the boot loader',
      ),
  }),
  ruleOn('ovf', VMWARE, {
    id: 'VMW-OVF-IDENTITY',
    severity: 'error',
    title: 'No identity of a machine is fixed',
    source: 'two copies would share a UUID or a MAC address; vSphere gives each its own when nothing is said',
    advice: 'leave the setting away',
    check: (ovf) => [
      ...Object.keys(ovf.extraConfig)
        .filter((key) => IDENTITIES.test(key))
        .map((where) => ({ message: 'is set', where })),
      ...items(ovf, TYPE.ethernet).flatMap((item) =>
        when(item.address !== '', `has the address ${item.address}`, itemName(item)),
      ),
    ],
  }),
  ruleOn('ovf', VMWARE, {
    id: 'VMW-OVF-PERSISTENT',
    severity: 'error',
    title: 'Disks are persistent',
    source: 'a non-persistent disk forgets everything when the machine is switched off',
    advice: 'leave the disk mode away, or set persistent',
    check: (ovf) => [
      ...Object.entries({ ...ovf.extraConfig, ...ovf.config }).flatMap(([key, value]) =>
        when(/(^|[.])(mode|diskMode)$/i.test(key) && /non-?_?persistent|undoable/i.test(value), `is ${value}`, key),
      ),
      ...items(ovf, TYPE.disk).flatMap((item) =>
        Object.entries(item.config).flatMap(([key, value]) =>
          when(/diskMode$/i.test(key) && value !== 'persistent', `${key} is ${value}`, itemName(item)),
        ),
      ),
    ],
  }),
];

function place(ovf: OvfFacts, disk: OvfItem): Offence[] {
  const where = itemName(disk);
  const [, id] = /^ovf:\/disk\/(.+)$/.exec(disk.hostResource) ?? [];
  const declared = ovf.disks.find((candidate) => candidate.id === id);
  const file = ovf.files.some((candidate) => candidate.id === declared?.file);
  const parent = ovf.items.some((item) => item.id === disk.parent && CONTROLLERS.includes(item.type));
  return [
    ...when(id === undefined, `HostResource is ${disk.hostResource || 'missing'}`, where),
    ...when(id !== undefined && declared === undefined, `there is no disk ${id ?? ''} in DiskSection`, where),
    ...when(declared !== undefined && !file, `there is no file ${declared?.file ?? ''} in References`, where),
    ...when(!parent, `Parent is ${disk.parent || 'missing'}, which is no controller`, where),
    ...when(!/^\d+$/.test(disk.addressOnParent), `AddressOnParent is ${disk.addressOnParent || 'missing'}`, where),
  ];
}

function inMebibytes({ quantity, units }: OvfItem): boolean {
  return quantity > 0 && /^(byte ?\* ?2\^20|MegaBytes)$/i.test(units);
}
