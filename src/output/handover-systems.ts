import { code, first, type Chapter } from './handover-text.js';
import type { FormatFacts } from './handover.js';
import { ociName } from './oci.js';

/** The ways of formats that hold a root filesystem, with or without a disk around it. */

/** A filesystem that is only read, in a file. */
export function readOnlyImage(facts: FormatFacts, kind: 'squashfs' | 'erofs'): Chapter {
  const file = first(facts);
  const unpack =
    kind === 'squashfs'
      ? `unsquashfs -d DIRECTORY ${file}    # as root: with owners and attributes`
      : `fsck.erofs --extract=DIRECTORY ${file}    # as root: with owners`;
  return {
    title: `A root file system that is only read: ${kind}`,
    text: `${code(`mount -t ${kind} -o loop,ro ${file} /MOUNT`)}

What is written goes into a layer above it, which is gone when it is unmounted if it lies in memory:

${code(
  'mkdir -p /run/layer && mount -t tmpfs tmpfs /run/layer && mkdir /run/layer/upper /run/layer/work',
  'mount -t overlay overlay -o lowerdir=/MOUNT,upperdir=/run/layer/upper,workdir=/run/layer/work /ROOT',
)}

Unpacked:

${code(unpack)}`,
  };
}

/** A plain directory. */
export function plainDirectory(facts: FormatFacts): Chapter {
  const directory = first(facts);
  return {
    title: 'A plain directory',
    text: `Its files belong to the users of the image. Work with it as root, and copy it with all that it has:

${code(
  `systemd-nspawn --directory ${directory} --boot`,
  `chroot ${directory} /bin/bash`,
  `rsync -aHAX --numeric-ids ${directory}/ root@HOST:/srv/${facts.profile}/`,
)}`,
  };
}

/** An OCI image where Proxmox VE takes it, and where containers run. */
export function ociImage(facts: FormatFacts): readonly Chapter[] {
  const file = first(facts);
  const name = ociName(facts.profile);
  return [
    {
      title: 'Proxmox VE 9.1 and newer: container from the OCI image',
      text: code(
        `cp ${file} /var/lib/vz/template/cache/`,
        `pct create 200 local:vztmpl/${file} --hostname ${facts.profile} \\`,
        '  --unprivileged 1 --features nesting=1 --cores 1 --memory 512 --rootfs local-lvm:4 \\',
        '  --net0 name=eth0,bridge=vmbr0,ip=dhcp',
        'pct start 200',
      ),
    },
    {
      title: 'Podman, Docker, registries',
      text: `${code(
        `podman load --input ${file}`,
        `podman run --rm --tty --interactive ${name} /bin/bash`,
        `docker load --input ${file}`,
        `skopeo copy oci-archive:${file} docker://REGISTRY/${name}:TAG`,
      )}

Without a command, the image's own init starts: \`podman run --systemd=always ${name}\`.`,
    },
  ];
}

/** An image for Incus and LXD: a container, or a machine when the profile has one. */
export function incusImage(facts: FormatFacts): Chapter {
  const { files, alias, machine, fingerprint } = facts;
  const csm = machine?.firmware === 'bios' ? ' -c security.csm=true' : '';
  const secure = `-c security.secureboot=${String(machine?.secureBoot === true)}${csm} -d root,size=40GiB`;
  const kind = machine === undefined ? 'container' : 'machine';
  return {
    title: `Incus: ${kind} from ${files.length > 1 ? 'two files' : 'one file'}`,
    text: `${code(
      `incus image import ${files.join(' ')} --alias ${alias}`,
      `incus launch ${alias} NAME${machine === undefined ? '' : ` --vm ${secure}`}`,
      ...(machine === undefined ? [] : ['incus console NAME']),
    )}

The fingerprint by which Incus knows the image:

${code(fingerprint)}

With LXD, \`lxc\` stands in place of \`incus\`.`,
  };
}
