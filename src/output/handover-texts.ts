import type { FormatName } from '../config/formats.js';
import type { FormatFacts } from './handover.js';
import { incusImage, ociImage, plainDirectory, readOnlyImage } from './handover-systems.js';
import { code, first, type Chapter } from './handover-text.js';
import { INCUS_ARCHITECTURES } from './incus.js';
import { safeName } from './ovf.js';
import type { Machine } from './types.js';

/** Each format with the platforms that take it. */
export const PLATFORM_TEXTS: Readonly<Record<FormatName, (facts: FormatFacts) => readonly Chapter[]>> = {
  'tar.zst': (facts) => (facts.machine === undefined ? [proxmoxContainer(facts), incusContainer(facts)] : []),
  squashfs: (facts) => [readOnlyImage(facts, 'squashfs')],
  erofs: (facts) => [readOnlyImage(facts, 'erofs')],
  dir: (facts) => [plainDirectory(facts)],
  'oci.tar': (facts) => ociImage(facts),
  incus: (facts) => [incusImage(facts)],
  'incus-split': (facts) => [incusImage(facts)],
  raw: (facts) => [
    {
      title: 'Bare metal: as it is',
      text: `${WRITES_ALL}\n\n${code(`dd if=${first(facts)} of=/dev/DISK bs=4M conv=fsync status=progress`)}`,
    },
    // With a qcow2, that is what machines are told of.
    ...(facts.formats.includes('qcow2') ? [] : [proxmoxMachine(facts), libvirt(facts)]),
  ],
  'raw.zst': (facts) => [bareMetal(facts)],
  qcow2: (facts) => [proxmoxMachine(facts), libvirt(facts), incusMachine(facts)],
  vhdx: (facts) => [hyperV(facts)],
  vhd: (facts) => [azure(facts)],
  vmdk: (facts) => [vsphereDisk(facts)],
  ova: (facts) => [vsphere(facts), proxmoxOva(facts)],
};

const WRITES_ALL = 'Everything on the disk is lost. The root file system grows to the disk at the first boot.';

function proxmoxContainer(facts: FormatFacts): Chapter {
  const file = first(facts);
  // What Proxmox takes for granted.
  const arch = facts.architecture === 'amd64' ? '' : ` --arch ${facts.architecture}`;
  return {
    title: 'Proxmox VE: container',
    text: code(
      `cp ${file} /var/lib/vz/template/cache/`,
      `pct create 200 local:vztmpl/${file} --hostname ${facts.profile} --ostype debian${arch} \\`,
      '  --unprivileged 1 --features nesting=1 --cores 1 --memory 512 --rootfs local-lvm:4 \\',
      '  --net0 name=eth0,bridge=vmbr0,ip=dhcp --ssh-public-keys ~/.ssh/authorized_keys',
      'pct start 200',
    ),
  };
}

/** Incus wants a description beside the image; `creation_date` and `architecture` are all that it must say. */
function incusMetadata({ architecture, debian }: FormatFacts): readonly string[] {
  const release = debian === 0 ? 'sid' : String(debian);
  const machine = INCUS_ARCHITECTURES[architecture] ?? architecture;
  return [
    `printf 'architecture: ${machine}\\ncreation_date: %s\\nproperties: {os: Debian, release: "${release}"}\\n' "$(date +%s)" > metadata.yaml`,
    'tar -cf metadata.tar metadata.yaml',
  ];
}

function incusContainer(facts: FormatFacts): Chapter {
  return {
    title: 'Incus: container',
    text: `The host needs the program zstd. A container made this way has no network until its /etc/network/interfaces tells
which; with \`--format incus\` Incus writes that.

${code(
  ...incusMetadata(facts),
  `incus image import metadata.tar ${first(facts)} --alias ${facts.alias}`,
  `incus launch ${facts.alias} NAME`,
)}`,
  };
}

function bareMetal(facts: FormatFacts): Chapter {
  const file = first(facts);
  return {
    title: 'Bare metal: compressed',
    text: `${WRITES_ALL}

${code(`imgbuild write ${file} /dev/DISK`)}

The image is compared with its block map, and what was written is read back. Where imgbuild is not there, clear a disk that was in use by
\`blkdiscard /dev/DISK\`, and then:

${code(`bmaptool copy --bmap ${file.replace(/\.zst$/, '.bmap')} ${file} /dev/DISK`)}

or, with nothing but zstd:

${code(`zstd -dc ${file} | dd of=/dev/DISK bs=4M conv=fsync status=progress`)}

Proxmox VE and libvirt take the unpacked disk (\`zstd -d --sparse ${file}\`).`,
  };
}

/** An example. */
const SIZE = '40G';

const GROWS = `${SIZE} is an example of how large the disk is to be, never less than it is; at the first start the root file system grows into it.`;

function proxmoxMachine(facts: FormatFacts): Chapter {
  const { machine, files, profile, cloudInit } = facts;
  const uefi = machine?.firmware !== 'bios';
  const keys = machine?.secureBoot === true ? 1 : 0;
  const disks = files.map((file, index) => `--scsi${String(index)} local-lvm:0,import-from=/PATH/${file},discard=on`);
  return {
    title: 'Proxmox VE: machine',
    text: `${code(
      `qm create 600 --name ${profile} --ostype l26 --cores ${String(machine?.cpus ?? 2)} --memory ${String(machine?.memoryMiB ?? 2048)} \\`,
      ...(uefi
        ? [`  --bios ovmf ${board(facts)} --efidisk0 local-lvm:1,efitype=4m,pre-enrolled-keys=${String(keys)} \\`]
        : []),
      ...[`  --scsihw virtio-scsi-pci`, ...disks.map((disk) => `  ${disk}`)].map((line) => `${line} \\`),
      ...(cloudInit ? ['  --ide2 local-lvm:cloudinit --ipconfig0 ip=dhcp --sshkeys ~/.ssh/authorized_keys \\'] : []),
      '  --boot order=scsi0 --serial0 socket --net0 virtio,bridge=vmbr0 --agent 1',
      `qm disk resize 600 scsi0 ${SIZE}`,
      'qm start 600 && qm terminal 600',
    )}

${GROWS}${cloudInit ? ' What cloud-init is told is on the drive `ide2`: `qm set 600 --ciuser NAME` and the like change it.' : ''}

\`import-from\` wants an absolute path. A single disk for a machine that is there:

${code(...files.map((file, index) => `qm disk import 600 ${file} local-lvm --target-disk scsi${String(index)}`))}`,
  };
}

/** Machines for arm64 have another board, and only root may ask Proxmox for them elsewhere (qm(1), `arch`). */
function board({ architecture }: FormatFacts): string {
  return architecture === 'arm64' ? '--arch aarch64 --machine virt' : '--machine q35';
}

function libvirt(facts: FormatFacts): Chapter {
  const { machine, files, profile, debian, cloudInit } = facts;
  // Without enrolled keys the firmware starts everything, though it knows Secure Boot (libvirt, docs/kbase/secureboot.rst).
  const secure = machine?.secureBoot === true;
  const features = (secure ? ['secure-boot', 'enrolled-keys'] : ['secure-boot']).map(
    (name, n) =>
      `firmware.feature${String(n)}.name=${name},firmware.feature${String(n)}.enabled=${secure ? 'yes' : 'no'}`,
  );
  const boot = machine?.firmware === 'bios' ? '--boot hd' : `--boot firmware=efi,${features.join(',')}`;
  const images = '/var/lib/libvirt/images';
  return {
    title: 'libvirt',
    text: `${code(
      ...files.map((file) => `cp --sparse=always ${file} ${images}/`),
      `qemu-img resize -f ${first(facts).endsWith('.raw') ? 'raw' : 'qcow2'} ${images}/${first(facts)} ${SIZE}`,
      `virt-install --name ${profile} --memory ${String(machine?.memoryMiB ?? 2048)} --vcpus ${String(machine?.cpus ?? 2)} --import \\`,
      ...files.map((file) => `  --disk ${images}/${file},bus=scsi,discard=unmap \\`),
      '  --controller type=scsi,model=virtio-scsi --network network=default,model=virtio \\',
      `  --osinfo ${debian === 0 ? 'debiantesting' : `debian${String(debian)}`},require=off --graphics none \\`,
      ...(facts.architecture === 'arm64' ? ['  --arch aarch64 --machine virt \\'] : []),
      ...(cloudInit ? ['  --cloud-init user-data=USER-DATA-FILE \\'] : []),
      `  ${boot}`,
      `virsh console ${profile}`,
    )}

${GROWS}`,
  };
}

function incusMachine(facts: FormatFacts): Chapter {
  // An image has one disk; others are block devices of the host (doc/reference/devices_disk.md).
  const others = facts.files
    .slice(1)
    .map((file, n) => [
      `qemu-img convert -n -O raw ${file} /dev/BLOCK-DEVICE`,
      `incus config device add NAME disk${String(n + 2)} disk source=/dev/BLOCK-DEVICE`,
    ]);
  const secure = facts.machine?.secureBoot === true;
  const csm = facts.machine?.firmware === 'bios' ? ' -c security.csm=true' : '';
  return {
    title: 'Incus: machine',
    text: `${code(
      ...incusMetadata(facts),
      `incus image import metadata.tar ${first(facts)} --alias ${facts.alias}`,
      `incus init ${facts.alias} NAME --vm -c security.secureboot=${String(secure)}${csm} -d root,size=40GiB`,
      ...others.flat(),
      'incus start NAME --console',
    )}

${GROWS}`,
  };
}

function hyperV(facts: FormatFacts): Chapter {
  const { machine, profile, files } = facts;
  const disks = files.map((file, n) => ({ file, place: `C:\\VMs\\${n === 0 ? `${profile}.vhdx` : file}` }));
  const generation = hyperVGeneration(machine);
  return {
    title: `Hyper-V, generation ${String(generation)}`,
    text: `In an elevated PowerShell, in the directory of the files:

${code(
  'New-Item -ItemType Directory -Force C:\\VMs | Out-Null',
  ...disks.flatMap(({ file, place }) => [`Copy-Item ${file} ${place}`, `fsutil sparse setflag ${place} 0`]),
  `Resize-VHD ${disks[0]?.place ?? ''} -SizeBytes ${SIZE}B`,
  `New-VM -Name ${profile} -Generation ${String(generation)} -MemoryStartupBytes ${String(machine?.memoryMiB ?? 2048)}MB -VHDPath ${disks[0]?.place ?? ''} -SwitchName 'Default Switch'`,
  ...disks.slice(1).map(({ place }) => `Add-VMHardDiskDrive ${profile} -Path ${place}`),
  `Set-VMProcessor ${profile} -Count ${String(machine?.cpus ?? 2)}`,
  ...(generation === 1 ? [] : [secureBootCommand(machine?.secureBoot === true, profile)]),
  `Start-VM ${profile}`,
)}

${GROWS}

Hyper-V refuses a disk that NTFS keeps as a sparse file: hence \`fsutil\`. Disks that you make for Linux yourself want
blocks of 1 MB as this one has: \`New-VHD -BlockSizeBytes 1MB\`. The script beside the disk does all of this but the size.`,
  };
}

/** Machines of the first generation have a BIOS, those of the second UEFI. */
export function hyperVGeneration(machine: Machine | undefined): 1 | 2 {
  return machine?.firmware === 'bios' ? 1 : 2;
}

/** Debian's shim is signed by Microsoft's authority for other systems, which is not in the template for Windows. */
export function secureBootCommand(secureBoot: boolean, machine: string): string {
  return secureBoot
    ? `Set-VMFirmware ${machine} -EnableSecureBoot On -SecureBootTemplate MicrosoftUEFICertificateAuthority`
    : `Set-VMFirmware ${machine} -EnableSecureBoot Off`;
}

function azure({ files, profile, machine }: FormatFacts): Chapter {
  const generation = machine?.firmware === 'bios' ? 'V1' : 'V2';
  const disks = files.map((file, n) => ({ file, name: n === 0 ? profile : `${profile}-${String(n + 1)}` }));
  const others = disks.slice(1).map(({ name }) => name);
  const data = others.length === 0 ? '' : ` --attach-data-disks ${others.join(' ')}`;
  return {
    title: 'Azure',
    text: `${code(
      ...disks.flatMap(({ file, name }, n) => [
        `az disk create -g GROUP -n ${name} ${n === 0 ? `--os-type Linux --hyper-v-generation ${generation} ` : ''}\\`,
        `  --upload-type Upload --upload-size-bytes "$(stat -c %s ${file})"`,
        `sas=$(az disk grant-access -g GROUP -n ${name} --access-level Write --duration-in-seconds 86400 --query accessSAS -o tsv)`,
        `azcopy copy ${file} "$sas" --blob-type PageBlob`,
        `az disk revoke-access -g GROUP -n ${name}`,
      ]),
      `az disk update -g GROUP -n ${profile} --size-gb 40`,
      `az vm create -g GROUP -n ${profile} --attach-os-disk ${profile}${data} --os-type Linux`,
    )}

${GROWS}`,
  };
}

function vsphereDisk(facts: FormatFacts): Chapter {
  return {
    title: 'VMware vSphere: disk',
    text: `${code(...facts.files.map((file) => `govc import.vmdk -ds=DATASTORE ${file} ${facts.profile}`))}

The controller is to be paravirtual (pvscsi), the firmware ${facts.machine?.firmware === 'bios' ? 'BIOS' : 'EFI'}. An OVA says all that by itself.`,
  };
}

function vsphere(facts: FormatFacts): Chapter {
  const file = first(facts);
  return {
    title: 'VMware vSphere',
    text: `${code(
      `govc import.spec ${file} > spec.json    # say which network, and answer its questions`,
      `govc import.ova -name=${facts.profile} -ds=DATASTORE -options=spec.json ${file}`,
      `govc vm.disk.change -vm=${facts.profile} -disk.label='Hard disk 1' -size=${SIZE}`,
      `govc vm.power -on ${facts.profile}`,
    )}

${GROWS}

With ovftool:

${code(`ovftool --name=${facts.profile} --datastore=DATASTORE --network=NETWORK --diskMode=thin --powerOn ${file} vi://USER@HOST/`)}`,
  };
}

function proxmoxOva(facts: FormatFacts): Chapter {
  const file = first(facts);
  const keys = facts.machine?.secureBoot === true ? '1' : '0';
  return {
    title: 'Proxmox VE: machine from the OVA',
    text: `${code(
      `tar -xf ${file}`,
      `qm importovf 600 ${safeName(facts.profile)}.ovf local-lvm`,
      'qm set 600 --scsihw pvscsi --net0 virtio,bridge=vmbr0 --boot order=scsi0',
      ...(facts.machine?.firmware === 'bios'
        ? []
        : [`qm set 600 --bios ovmf --machine q35 --efidisk0 local-lvm:1,efitype=4m,pre-enrolled-keys=${keys}`]),
      `qm disk resize 600 scsi0 ${SIZE}`,
    )}

${GROWS}

The controller that the import chooses by itself cannot be booted from with UEFI, hence \`--scsihw\`.`,
  };
}
