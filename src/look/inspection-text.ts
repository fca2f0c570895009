import { formatBytes } from '../units.js';
import type { DiskFacts, LayerFacts } from '../verify/facts.js';
import type { Inspection } from './inspection.js';
import type { SystemInspection } from './system.js';

/** How many units or boot files are named; the JSON document has them all. */
const NAMED = 12;

/** An inspection as lines for people. */
export function inspectionLines(inspection: Inspection): string[] {
  const { image, format, bytes, allocatedBytes, virtualBytes, disk, system, signers, made, defects } = inspection;
  const holes = allocatedBytes < bytes ? `, ${formatBytes(allocatedBytes)} on the disk it lies on` : '';
  const what = disk === undefined ? 'of content' : 'for its guest';
  const seen = virtualBytes === undefined ? '' : `, ${formatBytes(virtualBytes)} ${what}`;
  const lines = [
    image,
    row('format', format),
    row('size', `${formatBytes(bytes)}${holes}${seen}`),
    ...(disk === undefined ? [] : diskLines(disk)),
    ...(system === undefined ? [] : systemLines(system)),
    ...(signers === undefined ? [] : [row('signed by', signers.join(', ') || 'nobody')]),
    ...(made === undefined ? [] : madeLines(made)),
    ...defects.map((defect) => row('wrong', defect)),
  ];
  // Names in an image are anybody's: none may steer the terminal.
  return lines.map((line) => line.replaceAll(/\p{Cc}/gu, '?'));
}

function row(key: string, value: string): string {
  return `  ${key.padEnd(11)}${value}`;
}

function diskLines({ table, sectorBytes, bootCode, partitions, unread }: DiskFacts): string[] {
  const named = table === 'none' ? 'no partition table' : table.toUpperCase();
  const code = bootCode ? ', boot code for a BIOS' : '';
  return [
    row('table', `${named}, sectors of ${String(sectorBytes)} bytes${code}`),
    ...partitions.flatMap(({ number, name, type, bytes, layer }) => [
      row(`  ${String(number)}`, [name, type, formatBytes(bytes)].filter((word) => word !== '').join('  ')),
      ...(layer === undefined ? [] : layerLines(layer, '    ')),
    ]),
    ...unread.map((text) => row('not read', text)),
  ];
}

/** A layer and those in it, each deeper than the one around it. */
export function layerLines(layer: LayerFacts, indent: string): string[] {
  const { format, label, uuid, bytes, volume, closed, inside } = layer;
  const parts = [
    ...(volume === undefined ? [] : [volume]),
    format,
    ...(label === '' ? [] : [`"${label}"`]),
    ...(uuid === '' ? [] : [uuid]),
    ...(volume === undefined ? [] : [formatBytes(bytes)]),
    ...(closed === undefined ? [] : [`closed: ${closed}`]),
  ];
  return [`           ${indent}${parts.join('  ')}`, ...inside.flatMap((inner) => layerLines(inner, `${indent}  `))];
}

function systemLines(system: SystemInspection): string[] {
  const { name, version, architecture, hostname, packages, files, contentBytes, kernels, bootFiles, units } = system;
  const known = [name || 'unknown', ...(version === '' ? [] : [`(${version})`]), architecture];
  return [
    row('system', known.join(' ').trim()),
    ...(hostname === '' ? [] : [row('host name', hostname)]),
    row('content', `${String(packages)} packages, ${String(files)} files, ${formatBytes(contentBytes)}`),
    row('kernel', kernels.join(', ') || 'none'),
    ...(bootFiles.length === 0 ? [] : [row('boot', some(bootFiles.map(({ path }) => `/${path}`)))]),
    ...(units.length === 0 ? [] : [row('units', some(units))]),
  ];
}

function some(names: readonly string[]): string {
  const more = names.length - NAMED;
  return `${names.slice(0, NAMED).join(' ')}${more > 0 ? ` and ${String(more)} more` : ''}`;
}

function madeLines({
  profile,
  imgbuild,
  sourceDateEpoch,
  collections,
  manifest,
}: NonNullable<Inspection['made']>): string[] {
  const time = new Date(sourceDateEpoch * 1000).toISOString().replace('.000', '');
  return [
    row('made by', `imgbuild ${imgbuild}, profile ${profile}, ${time} (${manifest})`),
    row('of', collections.join(' ')),
  ];
}
