import { ociArchitecture } from '../../output/oci.js';
import { lookup, textOf } from '../tree.js';
import { ruleOn, when, type Platform, type Rule } from '../types.js';
import { elfArchitecture } from './elf.js';

const OCI: readonly Platform[] = ['oci'];

/** What a layer's media type says of its packing. */
const PACKING: Readonly<Record<string, string>> = {
  'application/vnd.oci.image.layer.v1.tar': 'none',
  'application/vnd.oci.image.layer.v1.tar+gzip': 'gzip',
  'application/vnd.oci.image.layer.v1.tar+zstd': 'zstd',
  'application/vnd.docker.image.rootfs.diff.tar.gzip': 'gzip',
};

/** OCI images in archives. */
export const OCI_RULES: readonly Rule[] = [
  {
    id: 'OCI-NAME',
    severity: 'error',
    platforms: OCI,
    title: 'The file is called *.tar, without the name of a packing behind it',
    source: 'Proxmox VE looks for an OCI image only in plain tar archives (pve-container, LXC/Create.pm)',
    advice: 'unpack the file, and rename it',
    check: ({ file }) => when(!/^[^/\s]+\.tar$/i.test(file.name), `the name is ${file.name}`),
  },
  ruleOn('oci', OCI, {
    id: 'OCI-LAYOUT',
    severity: 'error',
    title: 'The archive is whole and has a layout of version 1.0.0, an index, a manifest, a configuration and layers',
    source: 'image-spec, image-layout.md; every engine follows the index to the layers',
    advice: 'build or copy the file again; `skopeo inspect oci-archive:FILE` says the same',
    check: ({ defects, layoutVersion }) => [
      ...defects.map((message) => ({ message })),
      ...when(layoutVersion !== '1.0.0' && layoutVersion !== '', `the layout is of version ${layoutVersion}`),
    ],
  }),
  ruleOn('oci', OCI, {
    id: 'OCI-MEMBERS',
    severity: 'error',
    title: 'The names of members are oci-layout, index.json and blobs/…, without ./ before them',
    source: 'Proxmox VE 9.1 knows an OCI image by exactly these names in the list of members',
    advice: 'make the archive with `tar -cf FILE.tar oci-layout index.json blobs`',
    check: ({ members }) =>
      members
        .filter((name) => name.startsWith('./'))
        .slice(0, 1)
        .map((name) => ({ message: 'it begins with ./', where: name })),
  }),
  ruleOn('oci', OCI, {
    id: 'OCI-DIGESTS',
    severity: 'error',
    title: 'Every blob has the SHA-256 that is its name',
    source: 'image-spec, descriptor.md; engines refuse what was changed on its way',
    advice: 'build or copy the file again',
    check: ({ wrongDigests }) =>
      wrongDigests.map((name) => ({ message: 'its content has another SHA-256', where: name })),
  }),
  ruleOn('oci', OCI, {
    id: 'OCI-DIFF-IDS',
    severity: 'error',
    title: 'The configuration names the layers by the SHA-256 of their tars',
    source: 'image-spec, config.md; engines refuse layers that unpack to something else',
    advice: 'build the image again',
    check: ({ diffIds, layers }) => [
      ...when(
        diffIds.length !== layers.length,
        `there are ${String(layers.length)} layers, and the configuration names ${String(diffIds.length)}`,
      ),
      ...layers.flatMap(({ diffId }, n) =>
        when(
          diffId !== '' && diffIds[n] !== undefined && diffIds[n] !== diffId,
          'its tar has another SHA-256',
          `layer ${String(n + 1)}`,
        ),
      ),
    ],
  }),
  ruleOn('oci', OCI, {
    id: 'OCI-LAYER-TYPE',
    severity: 'error',
    title: 'Layers are packed as their media types say',
    source: 'image-spec, layer.md; strict readers choose the unpacker by the type',
    advice: 'build the image again',
    check: ({ layers }) =>
      layers.flatMap(({ mediaType, compression }, n) =>
        when(
          PACKING[mediaType] !== compression,
          `the type is ${mediaType || 'missing'}, the content is ${compression}`,
          `layer ${String(n + 1)}`,
        ),
      ),
  }),
  ruleOn('oci', OCI, {
    id: 'OCI-TAG',
    severity: 'warning',
    title: 'The image has a tag',
    source: 'image-spec, annotations.md (org.opencontainers.image.ref.name); without one an engine loads it nameless',
    advice: 'skopeo copy oci-archive:FILE oci-archive:NEW:latest',
    check: ({ tag }) => when(tag === '', 'there is none'),
  }),
  {
    id: 'OCI-PLATFORM',
    severity: 'error',
    platforms: OCI,
    title: 'The platform is linux, on the architecture that /bin/sh is a program of',
    source: 'image-spec, config.md; engines choose images by it, and Proxmox VE the first manifest that matches',
    advice: 'build for the architecture of the host',
    check: ({ oci, tree }) => {
      if (oci === undefined || tree === undefined) return undefined;
      const real = elfArchitecture(textOf(tree, 'bin/sh') ?? '');
      const named = `${oci.os}/${oci.architecture}`;
      return [
        ...when(oci.os !== 'linux', `the platform is ${named}`),
        ...when(
          real !== undefined && ociArchitecture(real) !== oci.architecture,
          `the platform is ${named}, and it is a program for ${real ?? ''}`,
          '/bin/sh',
        ),
      ];
    },
  },
  {
    id: 'OCI-COMMAND',
    severity: 'warning',
    platforms: OCI,
    title: 'What it starts is there, and with an init it is /sbin/init alone',
    source: 'Proxmox VE makes a system container of what starts with /sbin/init, and an application of anything else',
    advice: 'build the image with imgbuild, or set its command with `podman commit --change CMD=["/sbin/init"]`',
    check: ({ oci, tree }) => {
      if (oci === undefined || tree === undefined) return undefined;
      const [program] = oci.command;
      const init = lookup(tree, 'sbin/init') !== undefined;
      return [
        ...when(program === undefined, 'neither an entrypoint nor a command is told'),
        ...when(
          program?.startsWith('/') === true && lookup(tree, program.slice(1)) === undefined,
          'it is not there',
          program,
        ),
        ...when(
          init && program !== undefined && (program !== '/sbin/init' || oci.command.length > 1),
          `there is an init, and what starts is ${oci.command.join(' ')}`,
        ),
      ];
    },
  },
];
