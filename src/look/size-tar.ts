import type { Entry } from '../verify/facts.js';
import { readTar, type Sink } from '../verify/read/tar.js';
import { FILE_LIST, measure, type Measured } from './size.js';

const STATUS = 'var/lib/dpkg/status';

/** Measures a tree that comes as a tar; counts as `imgbuild size` does of the image that is made of it. */
export async function measureTar(stream: AsyncIterable<Buffer>): Promise<Measured> {
  const kept = new Map<string, Buffer[]>();
  const { members } = await readTar(stream, ({ name }): Sink | undefined => {
    const path = pathOf(name);
    if (path !== STATUS && !FILE_LIST.test(path)) return undefined;
    const parts: Buffer[] = [];
    kept.set(path, parts);
    return { data: (part) => parts.push(Buffer.from(part)) };
  });
  const entries = new Map<string, Entry>(members.map((member) => [pathOf(member.name), member]));
  const status = Buffer.concat(kept.get(STATUS) ?? []).toString('utf8');
  kept.delete(STATUS);
  // As bytes: names of files are in no encoding.
  const lists = new Map([...kept].map(([path, parts]) => [path, Buffer.concat(parts).toString('latin1')]));
  return measure({ entries, texts: new Map([[STATUS, status]]) }, lists);
}

/** `./etc/` → `etc`. */
function pathOf(name: string): string {
  return name.replace(/^\.?\//, '').replace(/\/$/, '');
}
