import { FORMAT_NAMES, type FormatName } from '../config/formats.js';
import { PLATFORM_TEXTS } from './handover-texts.js';
import { FORMATS } from './table.js';
import type { Machine } from './types.js';

/** A published file; the link, where there is one, is its name without the time. */
export interface PublishedName {
  readonly name: string;
  readonly link?: string;
  /** By which number Incus will know the image. */
  readonly fingerprint?: string;
}

/** What the hand-over text is made from. */
export interface HandoverFacts {
  readonly profile: string;
  readonly architecture: string;
  /** e.g. 12; 0 for sid. */
  readonly debian: number;
  /** Undefined for a container. */
  readonly machine: Machine | undefined;
  /** The image asks cloud-init's data sources. */
  readonly cloudInit: boolean;
  readonly files: readonly PublishedName[];
}

/** The facts as the text of one format needs them. */
export interface FormatFacts extends Omit<HandoverFacts, 'machine' | 'files'> {
  readonly machine: Machine | undefined;
  /** Files of this format, the one that boots first. */
  readonly files: readonly string[];
  /** By which number Incus will know the image; '' for other formats. */
  readonly fingerprint: string;
  /** By which name Incus is to know the image: another one for each format. */
  readonly alias: string;
  /** All formats of the build: where a better one is there, a platform is not told of two. */
  readonly formats: readonly FormatName[];
}

/** Formats that Incus imports, the best first: it is called as the profile. */
const INCUS: readonly FormatName[] = ['incus', 'incus-split', 'qcow2', 'tar.zst'];

/** Commands that put the files of a build to use, by platform, as Markdown with the names as published. */
export function handover(facts: HandoverFacts): string {
  const { files, ...rest } = facts;
  const of = (format: FormatName): PublishedName[] =>
    files.filter(({ name, link }) => formatOf(link ?? name) === format);
  const formats = FORMAT_NAMES.filter((format) => of(format).length > 0);
  const [incus] = INCUS.filter((format) => formats.includes(format));
  const sections = formats.flatMap((format) => {
    const ours = of(format);
    const fingerprint = ours.find((file) => file.fingerprint !== undefined)?.fingerprint ?? '';
    const alias = format === incus ? facts.profile : `${facts.profile}-${format}`;
    return PLATFORM_TEXTS[format]({ ...rest, files: ours.map(({ name }) => name), fingerprint, alias, formats });
  });
  return `# ${facts.profile}: putting it to use

The commands are complete but for the names of your storage, network and host, which stand in capitals or are the
defaults of the platform. Check the files first:

    sha256sum --check --ignore-missing SHA256SUMS

${sections.map(({ title, text }) => `## ${title}\n\n${text}\n`).join('\n')}`;
}

function formatOf(link: string): FormatName | undefined {
  const known = FORMAT_NAMES.flatMap((format) => FORMATS[format].suffixes.map((suffix) => ({ format, suffix })));
  return known.filter(({ suffix }) => link.endsWith(suffix)).sort((a, b) => b.suffix.length - a.suffix.length)[0]
    ?.format;
}
