import { sha256 } from '../digest.js';

/*
 * The texts of an OCI image (opencontainers/image-spec 1.1): configuration, manifest, index, and the layout's version. The
 * list that Docker's own archives have is written beside them: engines before Docker 25 read that and no index.
 */

/** Facts that an image tells of itself. */
export interface OciFacts {
  /** Becomes the name, with the tag `latest`. */
  readonly profile: string;
  /** As Debian calls it. */
  readonly architecture: string;
  /** e.g. `12.12`. */
  readonly debianVersion: string;
  /** Seconds since 1970. */
  readonly epoch: number;
  /** Who is to be the first process: systemd, another init at /sbin/init, or none and a shell instead. */
  readonly init: 'systemd' | 'other' | 'none';
}

/** A layer that was written. */
export interface OciLayer {
  readonly bytes: number;
  /** SHA-256 of the compressed layer. */
  readonly sha256: string;
  /** SHA-256 of its tar. */
  readonly diffId: string;
}

/** One small file of the archive. */
export interface OciFile {
  readonly name: string;
  readonly text: string;
}

/** Go's names of Debian's architectures, which OCI has adopted. */
const PLATFORMS: Readonly<Record<string, { readonly architecture: string; readonly variant?: string }>> = {
  amd64: { architecture: 'amd64' },
  arm64: { architecture: 'arm64', variant: 'v8' },
  armhf: { architecture: 'arm', variant: 'v7' },
  armel: { architecture: 'arm', variant: 'v5' },
  i386: { architecture: '386' },
  ppc64el: { architecture: 'ppc64le' },
  s390x: { architecture: 's390x' },
  riscv64: { architecture: 'riscv64' },
};

const TYPE = 'application/vnd.oci.image';
const TAG = 'latest';

/** Go's name of an architecture of Debian; the same name where none is known. */
export function ociArchitecture(debian: string): string {
  return PLATFORMS[debian]?.architecture ?? debian;
}

/** Where a blob lies in the layout. */
export function blobName(hash: string): string {
  return `blobs/sha256/${hash}`;
}

export const OCI_LAYOUT: OciFile = { name: 'oci-layout', text: '{"imageLayoutVersion":"1.0.0"}' };

/** A name that every engine takes: small letters, digits, and single separators between them. */
export function ociName(profile: string): string {
  const name = profile
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '');
  return name === '' ? 'image' : name;
}

/** All files of the image but the layer and the layout's version, in the order in which they are stored. */
export function ociFiles(facts: OciFacts, layer: OciLayer): OciFile[] {
  const { profile, architecture, debianVersion, epoch, init } = facts;
  const created = new Date(epoch * 1000).toISOString().replace('.000', '');
  const platform = { ...(PLATFORMS[architecture] ?? { architecture }), os: 'linux' };
  const name = ociName(profile);
  const config = blob({
    created,
    ...platform,
    config: {
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      // Proxmox VE makes a system container of what starts with /sbin/init and nothing else.
      Cmd: [init === 'none' ? '/bin/bash' : '/sbin/init'],
      WorkingDir: '/',
      // systemd ends at it; SIGTERM makes it start anew.
      ...(init === 'systemd' ? { StopSignal: 'SIGRTMIN+3' } : {}),
      Labels: {
        'org.opencontainers.image.created': created,
        'org.opencontainers.image.title': profile,
        ...(debianVersion === '' ? {} : { 'org.opencontainers.image.version': debianVersion }),
      },
    },
    rootfs: { type: 'layers', diff_ids: [`sha256:${layer.diffId}`] },
    history: [{ created, created_by: 'imgbuild' }],
  });
  const manifest = blob({
    schemaVersion: 2,
    mediaType: `${TYPE}.manifest.v1+json`,
    config: { mediaType: `${TYPE}.config.v1+json`, digest: `sha256:${config.hash}`, size: config.bytes },
    layers: [{ mediaType: `${TYPE}.layer.v1.tar+gzip`, digest: `sha256:${layer.sha256}`, size: layer.bytes }],
  });
  const index = {
    schemaVersion: 2,
    mediaType: `${TYPE}.index.v1+json`,
    manifests: [
      {
        mediaType: `${TYPE}.manifest.v1+json`,
        digest: `sha256:${manifest.hash}`,
        size: manifest.bytes,
        platform,
        annotations: { 'org.opencontainers.image.ref.name': TAG, 'io.containerd.image.name': `${name}:${TAG}` },
      },
    ],
  };
  const list = [{ Config: config.file.name, RepoTags: [`${name}:${TAG}`], Layers: [blobName(layer.sha256)] }];
  return [
    config.file,
    manifest.file,
    { name: 'index.json', text: JSON.stringify(index) },
    { name: 'manifest.json', text: JSON.stringify(list) },
  ];
}

function blob(content: unknown): { readonly file: OciFile; readonly hash: string; readonly bytes: number } {
  const text = JSON.stringify(content);
  const hash = sha256(text);
  return { file: { name: blobName(hash), text }, hash, bytes: Buffer.byteLength(text) };
}
