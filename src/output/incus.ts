import { SUITES } from '../config/suites.js';

/*
 * The metadata of an image for Incus and LXD (Incus, doc/reference/image_format.md): what it is, and files that the host
 * writes into an instance when it is made.
 */

/** Facts that an image tells of itself. */
export interface IncusFacts {
  readonly profile: string;
  readonly suite: string;
  /** As Debian calls it. */
  readonly architecture: string;
  /** Seconds since 1970. */
  readonly epoch: number;
  readonly kind: 'container' | 'machine';
}

/** One file of the metadata. */
export interface IncusFile {
  readonly name: string;
  readonly text: string;
}

/** The kernel's names of Debian's architectures, which Incus goes by (shared/osarch). */
export const INCUS_ARCHITECTURES: Readonly<Record<string, string>> = {
  amd64: 'x86_64',
  i386: 'i686',
  arm64: 'aarch64',
  armhf: 'armv7l',
  armel: 'armv6l',
  ppc64el: 'ppc64le',
  riscv64: 'riscv64',
  s390x: 's390x',
};

/** A file that the host makes in an instance, and when. */
interface Template {
  readonly path: string;
  readonly when: readonly string[];
  /** A file that the image has stays as it is. */
  readonly createOnly?: true;
  readonly name: string;
  readonly text: string;
}

/** An instance is named by the host: every copy of an image would have the image's name otherwise. */
const HOSTNAME: Template = {
  path: '/etc/hostname',
  when: ['create', 'copy'],
  name: 'hostname.tpl',
  text: '{{ container.name }}\n',
};

/**
 * Proxmox VE tells a container its network in this file, Incus leaves it to the image (6.0.4, LXD 5.0.2), whose template for
 * both has none.
 */
const INTERFACES: Template = {
  path: '/etc/network/interfaces',
  when: ['create'],
  createOnly: true,
  name: 'interfaces.tpl',
  text: `# Written when Incus made this instance.
auto lo
iface lo inet loopback

auto eth0
iface eth0 inet dhcp
iface eth0 inet6 auto
`,
};

/** metadata.yaml and the templates that it names, the former first. */
export function incusFiles(facts: IncusFacts): readonly [IncusFile, ...IncusFile[]] {
  const templates = facts.kind === 'container' ? [HOSTNAME, INTERFACES] : [HOSTNAME];
  return [
    { name: 'metadata.yaml', text: metadata(facts, templates) },
    ...templates.map(({ name, text }) => ({ name: `templates/${name}`, text })),
  ];
}

function metadata({ profile, suite, architecture, epoch, kind }: IncusFacts, templates: readonly Template[]): string {
  const moment = new Date(epoch * 1000).toISOString();
  const version = Object.entries(SUITES).find(([name]) => name === suite)?.[1].version;
  const what = kind === 'machine' ? 'virtual machine' : 'container';
  const release = version === undefined || version === suite ? suite : `${version} (${suite})`;
  const properties = {
    architecture,
    description: `Debian ${release}, ${profile}, ${architecture} ${what}`,
    name: profile,
    os: 'Debian',
    release: suite,
    serial: moment.replaceAll(/[-:]|\..*/g, '').replace('T', '_'),
    variant: profile,
  };
  const lines = [
    `architecture: ${INCUS_ARCHITECTURES[architecture] ?? architecture}`,
    `creation_date: ${String(epoch)}`,
    'properties:',
    // A JSON string is one of YAML's, too.
    ...Object.entries(properties).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`),
    'templates:',
    ...templates.flatMap(({ path, when, createOnly, name }) => [
      `  ${path}:`,
      `    when: [${when.join(', ')}]`,
      ...(createOnly === true ? ['    create_only: true'] : []),
      `    template: ${name}`,
    ]),
  ];
  return `${lines.join('\n')}\n`;
}
