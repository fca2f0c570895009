import { DOMParser, ParseError, type Element } from '@xmldom/xmldom';
import type { OvfFacts, OvfItem } from '../facts.js';

const RASD = 'http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData';
const VSSD = 'http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData';
const VMW = 'http://www.vmware.com/schema/ovf';

const NOTHING: Omit<OvfFacts, 'defect' | 'there'> = {
  namespace: '',
  files: [],
  disks: [],
  osId: 0,
  osType: '',
  systemType: '',
  items: [],
  config: {},
  extraConfig: {},
};

/** Reads a descriptor as importers do: by namespace and name, whatever the prefixes. `there` are the files beside it. */
export function readOvf(text: string, there: ReadonlyMap<string, number>): OvfFacts {
  const control = controlCharacter(text);
  if (control !== undefined) return { ...NOTHING, defect: control, there };
  try {
    // The parser reads no entities from outside.
    const document = new DOMParser({ onError: refuse }).parseFromString(text, 'text/xml');
    const root = document.documentElement;
    return root === null ? { ...NOTHING, defect: 'it is empty', there } : { ...envelope(root), defect: '', there };
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    return { ...NOTHING, defect: error.message.split('\n')[0] ?? '', there };
  }
}

/**
 * Tells of a control character that is none of XML 1.0 (section 2.2), as itself or as a reference: libxml2 and vSphere refuse
 * it, and our parser (@xmldom/xmldom 0.9) does not.
 */
function controlCharacter(text: string): string | undefined {
  const written = Array.from(text, (character) => character.charCodeAt(0));
  const named = [...text.matchAll(/&#(?:x([0-9a-f]+)|([0-9]+));/gi)].map(([, hex, decimal]) =>
    hex === undefined ? Number(decimal) : Number.parseInt(hex, 16),
  );
  const code = [...written, ...named].find((number) => number < 0x20 && ![0x09, 0x0a, 0x0d].includes(number));
  return code === undefined ? undefined : `the control character ${String(code)} is in it`;
}

/** A well-formed document causes nothing worse than warnings. */
function refuse(level: 'warning' | 'error' | 'fatalError', message: string): void {
  if (level !== 'warning') throw new ParseError(message);
}

function envelope(root: Element): Omit<OvfFacts, 'defect' | 'there'> {
  const namespace = root.namespaceURI ?? '';
  const all = (name: string): Element[] => [...root.getElementsByTagNameNS(namespace, name)];
  const attribute = (element: Element | undefined, name: string): string =>
    element?.getAttributeNS(namespace, name) ?? '';
  const system = all('OperatingSystemSection')[0];
  const hardware = all('VirtualHardwareSection')[0];
  return {
    namespace,
    files: all('File').map((file) => ({
      id: attribute(file, 'id'),
      href: attribute(file, 'href'),
      bytes: Number(attribute(file, 'size')),
    })),
    disks: all('Disk').map((disk) => ({
      id: attribute(disk, 'diskId'),
      file: attribute(disk, 'fileRef'),
      capacity: Number(attribute(disk, 'capacity')),
      units: attribute(disk, 'capacityAllocationUnits'),
      format: attribute(disk, 'format'),
    })),
    osId: Number(attribute(system, 'id')),
    osType: system?.getAttributeNS(VMW, 'osType') ?? '',
    systemType: hardware?.getElementsByTagNameNS(VSSD, 'VirtualSystemType')[0]?.textContent?.trim() ?? '',
    items: ['Item', 'StorageItem', 'EthernetPortItem'].flatMap((name) =>
      all(name).map((element) => itemOf(element, name)),
    ),
    config: settings(hardware, 'Config'),
    extraConfig: settings(hardware, 'ExtraConfig'),
  };
}

function itemOf(element: Element, name: string): OvfItem {
  const text = (field: string): string => element.getElementsByTagNameNS(RASD, field)[0]?.textContent?.trim() ?? '';
  return {
    element: name,
    id: text('InstanceID'),
    type: Number(text('ResourceType')),
    subType: text('ResourceSubType'),
    parent: text('Parent'),
    addressOnParent: text('AddressOnParent'),
    address: text('Address'),
    hostResource: text('HostResource'),
    quantity: Number(text('VirtualQuantity')),
    units: text('AllocationUnits'),
    config: settings(element, 'Config'),
  };
}

/** VMware's settings that are children of an element, not those of its descendants. */
function settings(element: Element | undefined, name: string): Record<string, string> {
  const children = element === undefined ? [] : [...element.childNodes];
  return Object.fromEntries(
    children.flatMap((node) => {
      const child = node as Element;
      if (child.localName !== name || child.namespaceURI !== VMW) return [];
      return [[child.getAttributeNS(VMW, 'key') ?? '', child.getAttributeNS(VMW, 'value') ?? ''] as const];
    }),
  );
}
