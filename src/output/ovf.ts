import {
  cimType,
  CLOUD_INIT_PROPERTIES,
  extraConfig,
  guestType,
  machineConfig,
  type Property,
  type VmwareSettings,
} from './vmware.js';
import type { Machine } from './types.js';

/** A disk of the machine as the descriptor refers to it. */
export interface OvfDisk {
  /** Bare file name in the archive. */
  readonly file: string;
  readonly fileBytes: number;
  /** Size of the disk in MiB. */
  readonly capacity: number;
  /** Bytes that are not zero. */
  readonly populated: number;
}

const CIM = 'http://schemas.dmtf.org/wbem/wscim/1';

/** OVF 1.x: Proxmox's importer finds nothing in 2.0's namespace, and vSphere writes 1.x itself. */
const NAMESPACES = {
  xmlns: 'http://schemas.dmtf.org/ovf/envelope/1',
  'xmlns:cim': `${CIM}/common`,
  'xmlns:ovf': 'http://schemas.dmtf.org/ovf/envelope/1',
  'xmlns:rasd': `${CIM}/cim-schema/2/CIM_ResourceAllocationSettingData`,
  'xmlns:vmw': 'http://www.vmware.com/schema/ovf',
  'xmlns:vssd': `${CIM}/cim-schema/2/CIM_VirtualSystemSettingData`,
} as const;

const FORMAT = 'http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized';

/** Resource types of CIM. */
const TYPE = { cpu: 3, memory: 4, scsi: 6, network: 10, disk: 17 } as const;

/** Instance ids; those of disks follow on the last. */
const ID = { cpu: 1, memory: 2, scsi: 3, network: 4, disk: 5 } as const;

/** For what importers may ignore: by default they refuse a machine that has something they do not know. */
const OPTIONAL = { 'ovf:required': 'false' } as const;

type Node = string | readonly Node[];

/**
 * The descriptor of a machine: accepted by vSphere, by ovftool and by Proxmox VE's importer, whose rules are those of
 * docs (capacity in `byte * 2^N` only, disks by HostResource and Parent, CIM's number of the system).
 */
export function ovfText(machine: Machine, settings: VmwareSettings, disks: readonly OvfDisk[]): string {
  const lines = flatten(
    element('Envelope', NAMESPACES, [
      element(
        'References',
        {},
        disks.map(({ file, fileBytes }, index) =>
          element('File', { 'ovf:href': file, 'ovf:id': `file${String(index + 1)}`, 'ovf:size': String(fileBytes) }),
        ),
      ),
      element('DiskSection', {}, [text('Info', 'The disks'), ...disks.map(diskElement)]),
      element('NetworkSection', {}, [
        text('Info', 'The networks'),
        element('Network', { 'ovf:name': settings.network }, [text('Description', `The ${settings.network} network`)]),
      ]),
      element('VirtualSystem', { 'ovf:id': machine.name }, [
        text('Info', 'A virtual machine'),
        text('Name', machine.name),
        operatingSystem(machine, settings),
        hardware(machine, settings, disks),
        ...(settings.properties === 'cloud-init' ? [product(machine, CLOUD_INIT_PROPERTIES)] : []),
        ...(settings.annotation === ''
          ? []
          : [element('AnnotationSection', OPTIONAL, [text('Info', 'Notes'), text('Annotation', settings.annotation)])]),
      ]),
    ]),
    0,
  );
  return ['<?xml version="1.0" encoding="UTF-8"?>', ...lines, ''].join('\n');
}

function diskElement({ capacity, populated }: OvfDisk, index: number): Node {
  return element('Disk', {
    'ovf:capacity': String(capacity),
    'ovf:capacityAllocationUnits': 'byte * 2^20',
    'ovf:diskId': `vmdisk${String(index + 1)}`,
    'ovf:fileRef': `file${String(index + 1)}`,
    'ovf:format': FORMAT,
    'ovf:populatedSize': String(populated),
  });
}

function operatingSystem(machine: Machine, settings: VmwareSettings): Node {
  const type = settings.osType === '' ? guestType(machine, settings.hardwareVersion) : settings.osType;
  const { debian } = machine;
  const system = debian === undefined ? 'Linux' : `Debian GNU/Linux ${debian === 0 ? 'sid' : String(debian)}`;
  return element('OperatingSystemSection', { 'ovf:id': String(cimType(machine)), 'vmw:osType': type }, [
    text('Info', 'The guest operating system'),
    text('Description', `${system} (${machine.architecture})`),
  ]);
}

function hardware(machine: Machine, settings: VmwareSettings, disks: readonly OvfDisk[]): Node {
  return element('VirtualHardwareSection', { 'ovf:transport': 'com.vmware.guestInfo' }, [
    text('Info', 'The virtual hardware'),
    element('System', {}, [
      text('vssd:ElementName', 'Virtual Hardware Family'),
      text('vssd:InstanceID', '0'),
      text('vssd:VirtualSystemIdentifier', machine.name),
      text('vssd:VirtualSystemType', `vmx-${String(settings.hardwareVersion)}`),
    ]),
    item({
      AllocationUnits: 'hertz * 10^6',
      Description: 'Number of virtual CPUs',
      ElementName: `${String(machine.cpus)} virtual CPU(s)`,
      InstanceID: ID.cpu,
      ResourceType: TYPE.cpu,
      VirtualQuantity: machine.cpus,
    }),
    item({
      // Proxmox's importer takes the number as megabytes, whatever stands here.
      AllocationUnits: 'byte * 2^20',
      Description: 'Memory size',
      ElementName: `${String(machine.memoryMiB)}MB of memory`,
      InstanceID: ID.memory,
      ResourceType: TYPE.memory,
      VirtualQuantity: machine.memoryMiB,
    }),
    item({
      Address: 0,
      Description: 'SCSI controller',
      ElementName: 'SCSI controller 0',
      InstanceID: ID.scsi,
      // What VMware calls its paravirtual one.
      ResourceSubType: 'VirtualSCSI',
      ResourceType: TYPE.scsi,
    }),
    item({
      AddressOnParent: 7,
      AutomaticAllocation: 'true',
      Connection: settings.network,
      Description: `VmxNet3 ethernet adapter on "${settings.network}"`,
      ElementName: 'Network adapter 1',
      InstanceID: ID.network,
      ResourceSubType: 'VmxNet3',
      ResourceType: TYPE.network,
    }),
    ...disks.map((_, index) =>
      item({
        // Unit 7 of a bus is the controller itself.
        AddressOnParent: index < 7 ? index : index + 1,
        ElementName: `Hard disk ${String(index + 1)}`,
        HostResource: `ovf:/disk/vmdisk${String(index + 1)}`,
        InstanceID: ID.disk + index,
        Parent: ID.scsi,
        ResourceType: TYPE.disk,
      }),
    ),
    ...machineConfig(machine, settings).map(([key, value]) => config('vmw:Config', key, value)),
    ...extraConfig(settings).map(([key, value]) => config('vmw:ExtraConfig', key, value)),
  ]);
}

/** The schema wants the elements of an item in the order of the alphabet. */
function item(fields: Readonly<Record<string, string | number>>): Node {
  const names = Object.keys(fields).sort();
  return element(
    'Item',
    {},
    names.map((name) => text(`rasd:${name}`, String(fields[name]))),
  );
}

function config(name: string, key: string, value: string): Node {
  return element(name, { ...OPTIONAL, 'vmw:key': key, 'vmw:value': value });
}

function product(machine: Machine, properties: readonly Property[]): Node {
  return element('ProductSection', OPTIONAL, [
    text('Info', 'What cloud-init is told'),
    text('Product', machine.name),
    ...properties.map(({ key, label, description, password }) =>
      element(
        'Property',
        {
          'ovf:key': key,
          'ovf:type': 'string',
          'ovf:userConfigurable': 'true',
          'ovf:value': '',
          ...(password === undefined ? {} : { 'ovf:password': 'true' }),
        },
        [text('Label', label), text('Description', description)],
      ),
    ),
  ]);
}

function element(name: string, attributes: Readonly<Record<string, string>>, children: readonly Node[] = []): Node {
  const start = [name, ...Object.entries(attributes).map(([key, value]) => `${key}="${escape(value)}"`)].join(' ');
  return children.length === 0 ? `<${start}/>` : [`<${start}>`, children, `</${name}>`];
}

function text(name: string, content: string): Node {
  return `<${name}>${escape(content)}</${name}>`;
}

/** Line ends as references, or parsers would make spaces of them in attributes. */
function escape(value: string): string {
  const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return value.replaceAll(/[&<>"]/g, (character) => entities[character] ?? '').replaceAll('\n', '&#10;');
}

function flatten(node: Node, depth: number): string[] {
  if (typeof node === 'string') return [`${'  '.repeat(depth)}${node}`];
  const [start = '', children = [], end = ''] = node;
  return [
    ...flatten(start, depth),
    ...(typeof children === 'string' ? [children] : children).flatMap((child) => flatten(child, depth + 1)),
    ...flatten(end, depth),
  ];
}

/** The manifest beside the descriptor: a digest a line, with a space behind the equals sign, as ovftool writes it. */
export function ovfManifest(files: readonly { readonly name: string; readonly sha256: string }[]): string {
  return files.map(({ name, sha256 }) => `SHA256(${name})= ${sha256}\n`).join('');
}

/** A name that is safe as a file's in an archive and as an import's on Proxmox VE. */
export function safeName(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9.+=_-]/g, '-');
}
