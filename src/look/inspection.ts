import type { DiskFacts, Facts } from '../verify/facts.js';
import { inspectSystem, type SystemInspection } from './system.js';

/** What made an image, as the manifest beside it tells. */
export interface Origin {
  /** Name of the manifest's file. */
  readonly manifest: string;
  readonly profile: string;
  readonly imgbuild: string;
  /** Seconds since 1970 that the build's files are dated with. */
  readonly sourceDateEpoch: number;
  readonly collections: readonly string[];
}

/** What an image is: plain data, printed as JSON as it stands. */
export interface Inspection {
  readonly image: string;
  readonly format: string;
  /** Of the file, and what it takes of the disk that it lies on: holes take nothing. */
  readonly bytes: number;
  readonly allocatedBytes: number;
  /** What a guest sees of a disk; the content of the files of an archive. */
  readonly virtualBytes?: number | undefined;
  readonly compression?: string | undefined;
  /** Why there is nothing more to tell, or what is wrong with the file. */
  readonly defects: readonly string[];
  readonly disk?: DiskFacts | undefined;
  /** Who has signed the boot loader in the EFI system partition. */
  readonly signers?: readonly string[] | undefined;
  readonly system?: SystemInspection | undefined;
  readonly made?: Origin | undefined;
}

/** The file that an image lies in. */
export interface ImageFile {
  readonly image: string;
  readonly bytes: number;
  readonly allocatedBytes: number;
}

/** Puts together what was read of an image. */
export function inspectionOf(file: ImageFile, facts: Facts, made: Origin | undefined): Inspection {
  const { archive, disk, tree, boot, incus } = facts;
  const system = tree === undefined ? undefined : inspectSystem(tree);
  return {
    ...file,
    format: formatOf(facts),
    virtualBytes: facts.vmdk?.capacity ?? disk?.bytes ?? system?.contentBytes,
    compression: (archive ?? incus?.archive)?.compression,
    defects: defectsOf(facts),
    disk,
    signers: boot?.esp === undefined ? undefined : boot.signers,
    system,
    made,
  };
}

/** The format as users call it, with what kind of it where there are several. */
function formatOf({ file, ova, qcow2, vhdx, vhd, vmdk, archive, filesystem, oci, incus }: Facts): string {
  if (oci !== undefined) return `oci.tar (${oci.os}/${oci.architecture})`;
  if (incus !== undefined) return incus.kind === 'metadata' ? 'incus (metadata alone)' : `incus (${incus.kind})`;
  if (filesystem !== undefined) return `${filesystem.kind} (${filesystem.compression})`;
  if (file.name.endsWith('.dir')) return 'directory';
  if (ova !== undefined) return 'ova';
  if (qcow2 !== undefined) return `qcow2 (version ${String(qcow2.version)})`;
  if (vhdx !== undefined) return 'vhdx';
  if (vhd !== undefined) return `vhd (${vhd.type})`;
  if (vmdk !== undefined) return `vmdk (${vmdk.createType})`;
  if (archive !== undefined) return archive.compression === 'none' ? 'tar' : `tar (${archive.compression})`;
  return /\.(?:raw|img)\.\w+$/i.test(file.name) ? `raw.${file.name.split('.').at(-1) ?? ''}` : 'raw';
}

function defectsOf({ unreadable, archive, ova, vhdx, vhd, vmdk, disk, filesystem, oci, incus }: Facts): string[] {
  return [
    ...(unreadable === undefined ? [] : [unreadable]),
    ...[archive, ova?.archive, vhdx, vhd, vmdk, disk, filesystem, oci, incus].flatMap((part) => part?.defects ?? []),
  ];
}
