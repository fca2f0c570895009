import type { OptionDeclaration } from './declarations.js';

/** Of a class in a pattern: characters beside control characters that XML 1.0 has no way to write. */
const NOT_IN_XML = '\\ufffe\\uffff';

/**
 * Levels of VMware's virtual hardware with the first ESXi that has them (VMware knowledge base 1003746): later ones run
 * it, earlier ones refuse it. 16 is of Workstation and Fusion alone.
 */
export const HARDWARE_VERSIONS = {
  13: '6.5',
  14: '6.7',
  15: '6.7U2',
  17: '7.0',
  18: '7.0U1',
  19: '7.0U2',
  20: '8.0',
  21: '8.0U2',
  22: '9.0',
} as const;

/** Options that describe a virtual machine to its platform; the image itself does not depend on them. */
export const MACHINE_OPTIONS = {
  'vm.cpus': {
    type: 'integer',
    default: 2,
    min: 1,
    max: 768,
    help: 'Virtual processors that OVA and the hand-over commands ask for.',
  },
  'vm.memory': {
    type: 'integer',
    default: 2048,
    min: 128,
    max: 25165824,
    help: 'Memory that OVA and the hand-over commands ask for, in MiB.',
  },
  'vm.network': {
    type: 'string',
    default: 'VM Network',
    pattern: `[^<>&"\\x00-\\x1f${NOT_IN_XML}]{1,80}`,
    expects: 'a name of at most 80 characters, without any of <>&"',
    help: 'Network of an OVA; whoever deploys it maps the name to one of theirs.',
  },
  'vm.hardwareVersion': {
    type: 'enum',
    values: Object.keys(HARDWARE_VERSIONS),
    default: '15',
    help: `Virtual hardware of an OVA, with the first ESXi that has it: ${Object.entries(HARDWARE_VERSIONS)
      .map(([level, release]) => `${level} for ${release}`)
      .join(', ')}.`,
  },
  'vm.osType': {
    type: 'string',
    default: '',
    pattern: '[A-Za-z0-9_]+',
    expects: "one of vSphere's names, such as debian12_64Guest",
    help: 'Guest system of an OVA as vSphere names it, e.g. debian12_64Guest; empty takes the newest that the hardware version knows.',
  },
  'vm.hardening': {
    type: 'boolean',
    default: true,
    help: "Settings of an OVA that close the channels between guest, host and console which VMware's guides advise to close.",
  },
  'vm.hotAdd': {
    type: 'boolean',
    default: false,
    help: 'Let processors and memory be added to a machine from an OVA while it runs.',
  },
  'vm.annotation': {
    type: 'string',
    default: '',
    pattern: `[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f${NOT_IN_XML}]+`,
    expects: 'text without control characters but line ends and tabs',
    help: 'Notes that an OVA carries; shown by vSphere.',
  },
  'vm.properties': {
    type: 'enum',
    values: ['none', 'cloud-init'],
    default: 'none',
    help: "Questions that an OVA asks when it is deployed: none, or those of cloud-init's OVF data source.",
  },
  'vm.extraConfig': {
    type: 'list',
    default: [],
    item: `[A-Za-z0-9_.:-]+=[^\\x00-\\x1f${NOT_IN_XML}]*`,
    expects: 'name=value, the name of letters, digits, _, ., : and -',
    accumulate: true,
    help: 'Further settings of an OVA, each as name=value; they win over those of vm.hardening.',
  },
} as const satisfies Readonly<Record<string, OptionDeclaration>>;
