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
  readonly files: readonly PublishedName[];
}

/** The facts as the text of one format needs them. */
export interface FormatFacts extends Omit<HandoverFacts, 'machine' | 'files'> {
  readonly machine: Machine | undefined;
  /** Files of this format, the one that boots first. */
  readonly files: readonly string[];
  /** By which number Incus will know the image; '' for other formats. */
  readonly fingerprint: string;
}

/** Commands that put the files of a build to use, by platform, as Markdown with the names as published. */
export function handover(facts: HandoverFacts): string {
  const { files, ...rest } = facts;
  const sections = FORMAT_NAMES.flatMap((format) => {
    const ours = files.filter(({ name, link }) => formatOf(link ?? name) === format);
    const fingerprint = ours.find((file) => file.fingerprint !== undefined)?.fingerprint ?? '';
    return ours.length === 0
      ? []
      : PLATFORM_TEXTS[format]({ ...rest, files: ours.map(({ name }) => name), fingerprint });
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
