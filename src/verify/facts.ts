/** Everything that rules may ask about an image: plain data, so that a rule is tried on a few lines of it. */
export interface Facts {
  readonly file: FileFacts;
  /** Why nothing else is known. */
  readonly unreadable?: string | undefined;
  readonly archive?: ArchiveFacts | undefined;
  readonly tree?: TreeFacts | undefined;
  readonly disk?: DiskFacts | undefined;
  readonly boot?: BootFacts | undefined;
  readonly qcow2?: Qcow2Facts | undefined;
  readonly vhdx?: VhdxFacts | undefined;
  readonly vhd?: VhdFacts | undefined;
  readonly vmdk?: VmdkFacts | undefined;
  readonly ova?: OvaFacts | undefined;
  readonly ovf?: OvfFacts | undefined;
  /** What VMware's ovftool complains about; undefined where nobody has it. */
  readonly ovftool?: readonly string[] | undefined;
  readonly luks?: readonly LuksFacts[] | undefined;
  readonly filesystem?: FilesystemFacts | undefined;
  readonly oci?: OciFacts | undefined;
  readonly incus?: IncusFacts | undefined;
}

export interface FileFacts {
  /** Without directories. */
  readonly name: string;
  readonly bytes: number;
}

export type Compression = 'none' | 'gzip' | 'xz' | 'zstd' | 'bzip2' | 'unknown';

/** A tar archive as it is written, whatever its members mean. */
export interface ArchiveFacts {
  readonly compression: Compression;
  readonly members: readonly Member[];
  /** What is wrong with its framing: an end that is missing, a checksum, a volume of several. */
  readonly defects: readonly string[];
}

export type EntryKind = 'file' | 'directory' | 'symlink' | 'hardlink' | 'char' | 'block' | 'fifo' | 'socket';

/** One member of an archive or file of a filesystem. */
export interface Entry {
  readonly kind: EntryKind;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly bytes: number;
  /** Of a link. */
  readonly target?: string;
  /** Extended attributes but POSIX ACLs, values in hexadecimal; left out when there are none or nobody asked for them. */
  readonly xattrs?: Readonly<Record<string, string>>;
  /** SHA-256 of a file's content; only where somebody asked for it. */
  readonly digest?: string;
}

export interface Member extends Entry {
  /** As it stands in the archive, e.g. `./etc/passwd`. */
  readonly name: string;
  /** Records before its header: `x` and `g` of pax, `L` and `K` of GNU. */
  readonly extensions: string;
  /** Keys of its pax records. */
  readonly paxKeys: readonly string[];
}

/** The files that an installed system consists of, whatever they were stored in. */
export interface TreeFacts {
  /** By path without a slash at its start. */
  readonly entries: ReadonlyMap<string, Entry>;
  /** The beginnings of those files that rules look into; one character a byte, so nothing is lost. */
  readonly texts: ReadonlyMap<string, string>;
  /** Accounts whose password is one that everybody knows, with that password's name in the list. */
  readonly knownPasswords: readonly { readonly account: string; readonly password: string }[];
  /** Name of the machine that asks; '' when it says nothing. */
  readonly buildHost: string;
}

export interface PartitionFacts {
  readonly number: number;
  readonly name: string;
  readonly type: 'esp' | 'bios-boot' | 'linux' | 'swap' | 'lvm' | 'raid' | 'other';
  /** PARTUUID in lower case. */
  readonly id: string;
  readonly start: number;
  readonly bytes: number;
  readonly content?: ContentFacts | undefined;
  /** All that lies in it, from the outside in. */
  readonly layer?: LayerFacts | undefined;
}

/** What lies in a partition, as blkid would tell. */
export interface ContentFacts {
  readonly format: string;
  readonly uuid: string;
  readonly label: string;
}

/** Something in a partition or volume, and what lies in that: RAID, LUKS, LVM, a filesystem, swap. */
export interface LayerFacts extends ContentFacts {
  readonly bytes: number;
  /** Of a volume in a volume group. */
  readonly volume?: string;
  /** Why nobody has looked into it. */
  readonly closed?: string;
  readonly inside: readonly LayerFacts[];
}

/** A disk as its guest sees it. */
export interface DiskFacts {
  readonly bytes: number;
  readonly sectorBytes: number;
  readonly table: 'gpt' | 'mbr' | 'none';
  /** What is wrong with the table: checksums, the copy at the end. */
  readonly defects: readonly string[];
  readonly partitions: readonly PartitionFacts[];
  /** The first sector holds code. */
  readonly bootCode: boolean;
  /** Filesystems that were found and could not be looked into. */
  readonly unread: readonly string[];
}

/** How the disk boots. Only disks that hold a system have these. */
export interface BootFacts {
  /** Paths in the EFI system partition, as they are written there; undefined when there is none. */
  readonly esp?: readonly string[] | undefined;
  /** Common names of who signed the fallback boot loader; empty when nobody has. */
  readonly signers: readonly string[];
  /** UUIDs that the GRUB stubs of the EFI system partition search for, with their files. */
  readonly searched: readonly { readonly file: string; readonly uuid: string }[];
  /** Kernel modules by initramfs; undefined where an initramfs could not be read. */
  readonly initramfs: readonly { readonly file: string; readonly modules: readonly string[] | undefined }[];
  /** Modules that are built into every kernel. */
  readonly builtin: readonly string[];
}

export interface Qcow2Facts {
  readonly version: number;
  readonly bytes: number;
  readonly backingFile: string;
  readonly externalData: boolean;
  readonly encrypted: boolean;
  readonly dirty: boolean;
  readonly snapshots: number;
}

export interface VhdxFacts {
  readonly defects: readonly string[];
  readonly blockBytes: number;
  readonly logicalSector: number;
  readonly physicalSector: number;
  readonly bytes: number;
  readonly hasParent: boolean;
  /** A log that must be replayed before the file is read. */
  readonly dirtyLog: boolean;
}

export interface VhdFacts {
  readonly defects: readonly string[];
  readonly type: 'fixed' | 'dynamic' | 'differencing' | 'unknown';
  readonly bytes: number;
}

export interface VmdkFacts {
  readonly version: number;
  readonly createType: string;
  readonly adapterType: string;
  readonly capacity: number;
  readonly grainBytes: number;
  readonly compressed: boolean;
  readonly markers: boolean;
  readonly parent: boolean;
  readonly defects: readonly string[];
}

export interface OvaFacts {
  readonly archive: ArchiveFacts;
  /** Text of the manifest; undefined when there is none. */
  readonly manifest?: string | undefined;
  /** SHA-256 of each member. */
  readonly digests: ReadonlyMap<string, string>;
}

export interface OvfItem {
  /** Name of the element: Item, StorageItem, EthernetPortItem. */
  readonly element: string;
  readonly id: string;
  readonly type: number;
  readonly subType: string;
  readonly parent: string;
  readonly addressOnParent: string;
  /** rasd:Address: a MAC address of an adapter, a bus number of a controller. */
  readonly address: string;
  readonly hostResource: string;
  readonly quantity: number;
  readonly units: string;
  readonly config: Readonly<Record<string, string>>;
}

/** The parts of an OVF descriptor that importers read. */
export interface OvfFacts {
  /** Why it is no XML; everything else is empty then. */
  readonly defect: string;
  readonly namespace: string;
  readonly files: readonly { readonly id: string; readonly href: string; readonly bytes: number }[];
  readonly disks: readonly {
    readonly id: string;
    readonly file: string;
    readonly capacity: number;
    readonly units: string;
    readonly format: string;
  }[];
  readonly osId: number;
  readonly osType: string;
  readonly systemType: string;
  readonly items: readonly OvfItem[];
  /** vmw:Config of the machine. */
  readonly config: Readonly<Record<string, string>>;
  readonly extraConfig: Readonly<Record<string, string>>;
  /** Sizes of the files that lie beside the descriptor. */
  readonly there: ReadonlyMap<string, number>;
}

export interface LuksFacts {
  readonly where: string;
  readonly version: number;
  /** The published passphrase that opens it; '' when none does. */
  readonly passphrase: string;
}

/** A root filesystem that is only read, in a file of its own. */
export interface FilesystemFacts {
  readonly kind: 'squashfs' | 'erofs';
  readonly compression: string;
  readonly blockBytes: number;
  /** When it was made, in seconds since 1970. */
  readonly epoch: number;
  readonly defects: readonly string[];
}

export interface OciLayerFacts {
  readonly mediaType: string;
  /** What its bytes are. */
  readonly compression: Compression;
  /** Digest of its tar, with `sha256:` before it; '' when nobody asked for it. */
  readonly diffId: string;
}

/** An OCI image layout in a tar; the first image of its index. */
export interface OciFacts {
  /** What is missing or cannot be read. */
  readonly defects: readonly string[];
  /** Names in the archive. */
  readonly members: readonly string[];
  readonly layoutVersion: string;
  readonly tag: string;
  /** As Go calls it. */
  readonly architecture: string;
  readonly os: string;
  /** Entrypoint and command. */
  readonly command: readonly string[];
  /** Digests of the layers' tars, as the configuration tells them. */
  readonly diffIds: readonly string[];
  /** Blobs whose content has another digest than their name. */
  readonly wrongDigests: readonly string[];
  readonly layers: readonly OciLayerFacts[];
}

/** The archive of an image for Incus or LXD. */
export interface IncusFacts {
  readonly archive: ArchiveFacts;
  /** `metadata` when the system lies in another file. */
  readonly kind: 'container' | 'machine' | 'metadata';
  /** Names of all members but those of the system. */
  readonly members: readonly string[];
  /** The metadata is the first file. */
  readonly first: boolean;
  readonly architecture: string;
  readonly creationDate: number | undefined;
  readonly properties: Readonly<Record<string, string>>;
  readonly templates: readonly { readonly path: string; readonly template: string; readonly when: readonly string[] }[];
  readonly defects: readonly string[];
}
