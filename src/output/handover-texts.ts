import type { FormatName } from '../config/formats.js';
import type { FormatFacts } from './handover.js';
import { incusImage, ociImage, plainDirectory, readOnlyImage } from './handover-systems.js';
import { code, first, type Chapter } from './handover-text.js';
import { INCUS_ARCHITECTURES } from './incus.js';
import { safeName } from './ovf.js';

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
  return {
    title: 'Proxmox VE: container',
    text: code(
      `cp ${file} /var/lib/vz/template/cache/`,
      `pct create 200 local:vztmpl/${file} --hostname ${facts.profile} --ostype debian \\`,
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
    text: code(
      ...incusMetadata(facts),
      `incus image import metadata.tar ${first(facts)} --alias ${facts.profile}`,
      `incus launch ${facts.profile} NAME`,
    ),
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

function proxmoxMachine(facts: FormatFacts): Chapter {
  const { machine, files, profile } = facts;
  const uefi = machine?.firmware !== 'bios';
  const keys = machine?.secureBoot === true ? 1 : 0;
  const disks = files.map((file, index) => `--scsi${String(index)} local-lvm:0,import-from=/PATH/${file},discard=on`);
  return {
    title: 'Proxmox VE: machine',
    text: `${code(
      `qm create 600 --name ${profile} --ostype l26 --cores ${String(machine?.cpus ?? 2)} --memory ${String(machine?.memoryMiB ?? 2048)} \\`,
      ...(uefi
        ? [`  --bios ovmf --machine q35 --efidisk0 local-lvm:1,efitype=4m,pre-enrolled-keys=${String(keys)} \\`]
        : []),
      ...[`  --scsihw virtio-scsi-pci`, ...disks.map((disk) => `  ${disk}`)].map((line) => `${line} \\`),
      '  --boot order=scsi0 --serial0 socket --net0 virtio,bridge=vmbr0 --agent 1',
      'qm start 600 && qm terminal 600',
    )}

\`import-from\` wants an absolute path. A single disk for a machine that is there:

${code(...files.map((file, index) => `qm disk import 600 ${file} local-lvm --target-disk scsi${String(index)}`))}`,
  };
}

function libvirt(facts: FormatFacts): Chapter {
  const { machine, files, profile, debian } = facts;
  const boot =
    machine?.firmware === 'bios'
      ? '--boot hd'
      : `--boot firmware=efi,firmware.feature0.name=secure-boot,firmware.feature0.enabled=${machine?.secureBoot === true ? 'yes' : 'no'}`;
  const images = '/var/lib/libvirt/images';
  return {
    title: 'libvirt',
    text: code(
      ...files.map((file) => `cp --sparse=always ${file} ${images}/`),
      `virt-install --name ${profile} --memory ${String(machine?.memoryMiB ?? 2048)} --vcpus ${String(machine?.cpus ?? 2)} --import \\`,
      ...files.map((file) => `  --disk ${images}/${file},bus=scsi,discard=unmap \\`),
      '  --controller type=scsi,model=virtio-scsi --network network=default,model=virtio \\',
      `  --osinfo ${debian === 0 ? 'debiantesting' : `debian${String(debian)}`},require=off --graphics none \\`,
      `  ${boot}`,
      `virsh console ${profile}`,
    ),
  };
}

function incusMachine(facts: FormatFacts): Chapter {
  const secure = facts.machine?.secureBoot === true;
  const csm = facts.machine?.firmware === 'bios' ? ' -c security.csm=true' : '';
  return {
    title: 'Incus: machine',
    text: code(
      ...incusMetadata(facts),
      `incus image import metadata.tar ${first(facts)} --alias ${facts.profile}`,
      `incus launch ${facts.profile} NAME --vm -c security.secureboot=${String(secure)}${csm}`,
      'incus console NAME',
    ),
  };
}

function hyperV(facts: FormatFacts): Chapter {
  const { machine, profile, files } = facts;
  return {
    title: 'Hyper-V, generation 2',
    text: `In an elevated PowerShell, in the directory of the files:

${code(
  `Copy-Item ${first(facts)} C:\\VMs\\${profile}.vhdx`,
  `fsutil sparse setflag C:\\VMs\\${profile}.vhdx 0`,
  `New-VM -Name ${profile} -Generation 2 -MemoryStartupBytes ${String(machine?.memoryMiB ?? 2048)}MB -VHDPath C:\\VMs\\${profile}.vhdx -SwitchName 'Default Switch'`,
  ...files.slice(1).map((file) => `Add-VMHardDiskDrive ${profile} -Path C:\\VMs\\${file}`),
  `Set-VMProcessor ${profile} -Count ${String(machine?.cpus ?? 2)}`,
  secureBootCommand(machine?.secureBoot === true, profile),
  `Start-VM ${profile}`,
)}

Hyper-V refuses a disk that NTFS keeps as a sparse file: hence \`fsutil\`. Disks that you make for Linux yourself want
blocks of 1 MB as this one has: \`New-VHD -BlockSizeBytes 1MB\`. The script beside the disk does all of this.`,
  };
}

/** Debian's shim is signed by Microsoft's authority for other systems, which is not in the template for Windows. */
export function secureBootCommand(secureBoot: boolean, machine: string): string {
  return secureBoot
    ? `Set-VMFirmware ${machine} -EnableSecureBoot On -SecureBootTemplate MicrosoftUEFICertificateAuthority`
    : `Set-VMFirmware ${machine} -EnableSecureBoot Off`;
}

function azure(facts: FormatFacts): Chapter {
  const file = first(facts);
  const generation = facts.machine?.firmware === 'bios' ? 'V1' : 'V2';
  return {
    title: 'Azure',
    text: code(
      `az disk create -g GROUP -n ${facts.profile} --os-type Linux --hyper-v-generation ${generation} \\`,
      `  --upload-type Upload --upload-size-bytes "$(stat -c %s ${file})"`,
      `sas=$(az disk grant-access -g GROUP -n ${facts.profile} --access-level Write --duration-in-seconds 86400 --query accessSAS -o tsv)`,
      `azcopy copy ${file} "$sas" --blob-type PageBlob`,
      `az disk revoke-access -g GROUP -n ${facts.profile}`,
    ),
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
      `govc vm.power -on ${facts.profile}`,
    )}

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
    )}

The controller that the import chooses by itself cannot be booted from with UEFI, hence \`--scsihw\`.`,
  };
}
