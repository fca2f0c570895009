import { basename } from 'node:path';
import type { Facts } from './facts.js';
import { judge } from './judge.js';
import { platformsOf, readImage, type Reading } from './read/image.js';
import { reasonOf } from './read/reason.js';
import type { Finding, Platform } from './types.js';

/** What the rules say about one image. */
export interface ImageReport {
  readonly image: string;
  readonly platforms: readonly Platform[];
  /** How many rules were about something that the image has. */
  readonly rules: number;
  readonly findings: readonly Finding[];
}

/** Judges an image by the rules of these platforms; by those that its name tells when there are none. */
export async function verifyImage(
  file: string,
  platforms: readonly Platform[],
  reading: Reading,
): Promise<ImageReport> {
  const meant = platforms.length > 0 ? platforms : platformsOf(file);
  const { findings, asked } = judge(await factsOf(file, reading), meant);
  return { image: file, platforms: meant, rules: asked, findings };
}

/** The facts about an image, or that it cannot be read: that is a finding like others. */
async function factsOf(file: string, reading: Reading): Promise<Facts> {
  try {
    return await readImage(file, reading);
  } catch (error) {
    return { file: { name: basename(file), bytes: 0 }, unreadable: reasonOf(error, reading.signal) };
  }
}
