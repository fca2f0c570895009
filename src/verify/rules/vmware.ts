import { HYPERVISORS } from '../../output/drivers.js';
import type { OvaFacts } from '../facts.js';
import { isInstalled } from '../tree.js';
import { ruleOn, when, type Offence, type Platform, type Rule } from '../types.js';
import { driverRule } from './drivers.js';
import { VMWARE_OVF_RULES } from './vmware-ovf.js';

const VMWARE: readonly Platform[] = ['vmware'];
/** Proxmox VE imports OVA, too. */
const OVA: readonly Platform[] = ['vmware', 'proxmox-vm'];

const DSP0243 = 'DMTF DSP0243, Open Virtualization Format 1.1';

const ovaRules: readonly Rule[] = [
  {
    id: 'VMW-FORMAT',
    severity: 'error',
    platforms: VMWARE,
    title: 'The file is an .ova or a .vmdk',
    source: 'vSphere imports nothing else (VMware, Deploying OVF and OVA Templates)',
    advice: 'imgbuild convert --to ova',
    check: ({ file, ova, vmdk }) =>
      when(
        !(/\.ova$/i.test(file.name) && ova !== undefined) && !(/\.vmdk$/i.test(file.name) && vmdk !== undefined),
        `${file.name} is none, by name or content`,
      ),
  },
  ruleOn('ova', OVA, {
    id: 'VMW-OVA-TAR',
    severity: 'error',
    title: 'The OVA is an unpacked tar archive of the ustar kind, without pax or GNU records',
    source: `${DSP0243}, section 6.4; vSphere’s reader refuses headers that it does not know`,
    advice: 'tar --format=ustar; files of 8 GiB and more need GNU’s base-256 sizes',
    check: ({ archive }) => [
      ...when(archive.compression !== 'none', `it is packed with ${archive.compression}`),
      ...archive.defects.map((message) => ({ message })),
      ...archive.members
        .filter(({ extensions }) => extensions !== '')
        .map(({ name, extensions }) => ({ message: `has a record of the type ${extensions}`, where: name })),
    ],
  }),
  ruleOn('ova', OVA, {
    id: 'VMW-OVA-ORDER',
    severity: 'error',
    title: 'The descriptor comes first, then the manifest, then the files in the order in which it names them',
    source: `${DSP0243}, section 6.4: importers read the archive as it arrives`,
    advice: 'tar with the names in that order',
    check: (ova, { ovf }) => order(ova, ovf?.files.map(({ href }) => href) ?? []),
  }),
  ruleOn('ova', OVA, {
    id: 'VMW-OVA-NAMES',
    severity: 'error',
    title: 'Members are files with plain names: no directories, no ./, no spaces',
    source:
      'pve-storage takes bare names alone (GuestImport/OVF.pm), and vSphere looks for the name as it stands in the OVF',
    advice: 'make the archive in the directory of the files',
    check: ({ archive }) =>
      archive.members.flatMap(({ name, kind }) => [
        ...when(!/^[A-Za-z0-9._+=-]+$/.test(name), 'not a plain name', name),
        ...when(kind !== 'file', `a ${kind}`, name),
      ]),
  }),
  ruleOn('ova', OVA, {
    id: 'VMW-OVA-OWNER',
    severity: 'warning',
    title: 'Members belong to 0:0 and have the mode 0644',
    source: 'the tools of VMware write them so; other owners tell about the machine that made the file',
    advice: 'tar --owner=0 --group=0 --numeric-owner --mode=0644',
    check: ({ archive }) =>
      archive.members
        .filter(({ uid, gid, mode }) => uid !== 0 || gid !== 0 || mode !== 0o644)
        .map(({ name, uid, gid, mode }) => ({
          message: `belongs to ${String(uid)}:${String(gid)}, mode ${mode.toString(8)}`,
          where: name,
        })),
  }),
  ruleOn('ova', OVA, {
    id: 'VMW-OVA-MANIFEST',
    severity: 'error',
    title: 'The manifest has the SHA-256 of every other file, and they are right',
    source: `${DSP0243}, section 6.1; since vSphere 6.5 SHA-256 is understood, and a wrong sum ends the import`,
    advice: 'write it anew: `SHA256(NAME)= SUM` for the descriptor and each disk',
    check: (ova) => manifest(ova),
  }),
];

function order(ova: OvaFacts, referenced: readonly string[]): Offence[] {
  const names = ova.archive.members.map(({ name }) => name);
  const is = (n: number, suffix: string): boolean => names[n]?.toLowerCase().endsWith(suffix) ?? false;
  const files = names.filter((name) => !/\.(ovf|mf|cert)$/i.test(name));
  const manifestAt = names.findIndex((name) => name.toLowerCase().endsWith('.mf'));
  const good = manifestAt === -1 || manifestAt === 1 || manifestAt === names.length - 1;
  const wanted = referenced.filter((name) => files.includes(name));
  const inOrder = files.filter((name) => wanted.includes(name)).join('/') === wanted.join('/');
  return [
    ...when(!is(0, '.ovf'), `the first member is ${names[0] ?? 'missing'}`),
    ...when(!good, 'the manifest is neither second nor last', names[manifestAt]),
    ...when(!inOrder, `the files are ${files.join(', ')}, the descriptor names ${wanted.join(', ')}`),
  ];
}

function manifest({ archive, manifest: text, digests }: OvaFacts): Offence[] {
  if (text === undefined) return [{ message: 'there is none' }];
  const sums = new Map<string, string>();
  const offences: Offence[] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const [, algorithm, name = '', sum = ''] = /^(SHA\d+)\((.+)\)= ([0-9a-f]+)\r?$/i.exec(line) ?? [];
    if (algorithm?.toUpperCase() !== 'SHA256') offences.push({ message: `not of the form SHA256(NAME)= SUM: ${line}` });
    else sums.set(name, sum.toLowerCase());
  }
  for (const { name } of archive.members) {
    if (/\.(mf|cert)$/i.test(name)) continue;
    const sum = sums.get(name);
    if (sum === undefined) offences.push({ message: 'not in the manifest', where: name });
    else if (sum !== digests.get(name))
      offences.push({ message: 'has another sum than the manifest says', where: name });
    sums.delete(name);
  }
  return [
    ...offences,
    ...[...sums.keys()].map((where) => ({ message: 'in the manifest, and not in the archive', where })),
  ];
}

const ovftoolRule = ruleOn('ovftool', VMWARE, {
  id: 'VMW-OVFTOOL',
  severity: 'warning',
  title: 'VMware’s own ovftool, where there is one, has nothing against the OVA',
  source: 'it is what vSphere’s users import with; it may not be redistributed, so only who has it sees what it says',
  advice: 'read what it says about the same file: ovftool --schemaValidate FILE',
  check: (complaints) => complaints.map((message) => ({ message })),
});

const vmdkRules: readonly Rule[] = [
  ruleOn('vmdk', VMWARE, {
    id: 'VMW-VMDK-STREAM',
    severity: 'error',
    title: 'The disk is a streamOptimized VMDK with compressed grains of 64 KiB',
    source: 'VMware, Virtual Disk Format 5.0: nothing else can be imported as part of an OVF',
    advice: 'imgbuild convert --to vmdk',
    check: ({ createType, compressed, markers, grainBytes, parent }) => [
      ...when(createType !== 'streamOptimized', `its type is ${createType}`),
      ...when(!compressed || !markers, 'its header promises no compressed grains with markers'),
      ...when(grainBytes !== 65536, `its grains are of ${String(grainBytes)} bytes`),
      ...when(parent, 'it is a delta of another disk'),
    ],
  }),
  ruleOn('vmdk', VMWARE, {
    id: 'VMW-VMDK-FRAME',
    severity: 'error',
    title: 'Markers stand before grain tables and directory, and a footer and an end-of-stream at the end',
    source:
      'VMware, Virtual Disk Format 5.0; vSphere’s content library and ovftool refuse what qemu-img writes without them',
    advice: 'imgbuild convert --to vmdk writes them',
    check: ({ defects }) => defects.map((message) => ({ message })),
  }),
  ruleOn('vmdk', VMWARE, {
    id: 'VMW-VMDK-ADAPTER',
    severity: 'error',
    title: 'ddb.adapterType is lsilogic',
    source: 'vCloud’s and vSphere’s importers insist on it, whatever controller the machine has',
    advice: 'qemu-img convert -o adapter_type=lsilogic',
    check: ({ adapterType }) =>
      when(adapterType !== 'lsilogic', `it is ${adapterType === '' ? 'missing' : adapterType}`),
  }),
  ruleOn('vmdk', VMWARE, {
    id: 'VMW-VMDK-VERSION',
    severity: 'warning',
    title: 'The header of the VMDK has version 1',
    source: 'VMware’s own tools write 1; some releases of ESXi refused the 3 that qemu-img writes (flatcar PR 540)',
    advice: 'imgbuild convert --to vmdk',
    check: ({ version }) => when(version !== 1, `it has version ${String(version)}`),
  }),
];

const guestRules: readonly Rule[] = [
  ruleOn('boot', VMWARE, driverRule('VMW-INITRAMFS', HYPERVISORS.vmware.drivers, 'a disk at a paravirtual controller')),
  ruleOn('tree', VMWARE, {
    id: 'VMW-TOOLS',
    severity: 'warning',
    title: 'open-vm-tools is installed',
    source: 'vSphere asks it for addresses, to shut down, and to freeze filesystems',
    advice: 'packages: [open-vm-tools]',
    check: (tree) => when(!isInstalled(tree, 'open-vm-tools'), 'it is not installed'),
  }),
];

/** Virtual appliances for vSphere and ESXi. */
export const VMWARE_RULES: readonly Rule[] = [
  ...ovaRules,
  ovftoolRule,
  ...VMWARE_OVF_RULES,
  ...vmdkRules,
  ...guestRules,
];
