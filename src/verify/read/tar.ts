import type { ArchiveFacts, EntryKind, Member } from '../facts.js';

const BLOCK = 512;

/** Takes the content of one member as it comes. */
export interface Sink {
  readonly data: (part: Buffer) => void;
  readonly end?: () => void;
}

/** Chooses what is done with a member's content, which begins at `at` in the stream. */
type Visit = (member: Member, at: number) => Sink | undefined;

const KINDS: Readonly<Record<string, EntryKind>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'char',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
};

/** Keys of pax records for extended attributes. */
const XATTR = 'SCHILY.xattr.';

/** What the records before a header say about it. */
interface Extension {
  types: string;
  readonly pax: Map<string, string>;
  longName?: string;
  longLink?: string;
}

/**
 * Reads a tar archive from its first byte to its last: ustar, pax and GNU's long names. Nothing is unpacked, and a strange
 * header ends nothing: it becomes a defect.
 */
export async function readTar(
  stream: AsyncIterable<Buffer>,
  visit: Visit = () => undefined,
): Promise<Omit<ArchiveFacts, 'compression'>> {
  const members: Member[] = [];
  const defects: string[] = [];
  let extension: Extension = { types: '', pax: new Map() };
  let header = Buffer.alloc(0);
  let content = 0;
  let padding = 0;
  let sink: Sink | undefined;
  let at = 0;
  let zeroBlocks = 0;

  const begin = (block: Buffer): void => {
    if (block.every((byte) => byte === 0)) {
      zeroBlocks += 1;
      return;
    }
    if (zeroBlocks >= 2) return;
    if (checksum(block) !== octal(block, 148, 8))
      defects.push(`the header at byte ${String(at - BLOCK)} has a wrong checksum`);
    const type = String.fromCharCode(block[156] ?? 0);
    content = sizeOf(block, extension, type);
    padding = (BLOCK - (content % BLOCK)) % BLOCK;
    if ('xgLK'.includes(type)) {
      sink = extend(extension, type);
    } else {
      const member = memberOf(block, type, content, extension);
      if (type === 'M' || type === 'V') defects.push('it is a part of an archive of several volumes');
      members.push(member);
      sink = content > 0 ? visit(member, at) : undefined;
      extension = { types: '', pax: new Map() };
    }
    if (content === 0) sink?.end?.();
  };

  for await (const data of stream) {
    let from = 0;
    while (from < data.length) {
      if (content > 0) {
        const part = data.subarray(from, from + content);
        sink?.data(part);
        content -= part.length;
        from += part.length;
        at += part.length;
        if (content === 0) sink?.end?.();
      } else if (padding > 0) {
        const n = Math.min(padding, data.length - from);
        padding -= n;
        from += n;
        at += n;
      } else {
        const part = data.subarray(from, from + BLOCK - header.length);
        header = Buffer.concat([header, part]);
        from += part.length;
        at += part.length;
        if (header.length < BLOCK) continue;
        const block = header;
        header = Buffer.alloc(0);
        begin(block);
      }
    }
  }
  if (content > 0 || header.length > 0) defects.push('it ends in the middle of a member');
  else if (zeroBlocks < 2) defects.push('its end is missing');
  return { members, defects };
}

function extend(extension: Extension, type: string): Sink {
  const parts: Buffer[] = [];
  extension.types += type;
  return {
    data: (part) => parts.push(part),
    end: () => {
      const text = Buffer.concat(parts);
      if (type === 'L') extension.longName = text.toString('utf8').replace(/\0+$/, '');
      else if (type === 'K') extension.longLink = text.toString('utf8').replace(/\0+$/, '');
      else for (const [key, value] of paxRecords(text)) extension.pax.set(key, value);
    },
  };
}

/** `LENGTH KEY=VALUE\n`, where the length counts all of it; values are bytes and may hold anything. */
function* paxRecords(text: Buffer): Generator<[string, string]> {
  let at = 0;
  while (at < text.length) {
    const space = text.indexOf(0x20, at);
    const length = Number(text.toString('latin1', at, space));
    if (space < 0 || !Number.isInteger(length) || length <= 0) return;
    const record = text.subarray(space + 1, at + length - 1);
    const equals = record.indexOf(0x3d);
    const key = record.toString('utf8', 0, equals);
    // Values of attributes are bytes.
    yield [key, record.toString(key.startsWith(XATTR) ? 'hex' : 'utf8', equals + 1)];
    at += length;
  }
}

function memberOf(block: Buffer, type: string, bytes: number, { types, pax, longName, longLink }: Extension): Member {
  const prefix = block.toString('latin1', 257, 262) === 'ustar' && block[263] === 0x30 ? field(block, 345, 155) : '';
  const short = prefix === '' ? field(block, 0, 100) : `${prefix}/${field(block, 0, 100)}`;
  const target = pax.get('linkpath') ?? longLink ?? field(block, 157, 100);
  const kind = KINDS[type] ?? 'file';
  const xattrs = [...pax]
    .filter(([key]) => key.startsWith(XATTR))
    .map(([key, value]) => [key.slice(XATTR.length), value]);
  return {
    name: pax.get('path') ?? longName ?? short,
    kind,
    mode: octal(block, 100, 8) & 0o7777,
    uid: Number(pax.get('uid') ?? octal(block, 108, 8)),
    gid: Number(pax.get('gid') ?? octal(block, 116, 8)),
    bytes: kind === 'file' ? bytes : 0,
    extensions: types,
    paxKeys: [...pax.keys()],
    ...(kind === 'symlink' || kind === 'hardlink' ? { target } : {}),
    ...(xattrs.length === 0 ? {} : { xattrs: Object.fromEntries(xattrs) as Record<string, string> }),
  };
}

function sizeOf(block: Buffer, { pax }: Extension, type: string): number {
  // Links and directories have no content, whatever their size field says (POSIX, pax).
  if ('123456'.includes(type)) return 0;
  return Number((type === 'x' || type === 'g' ? undefined : pax.get('size')) ?? octal(block, 124, 12));
}

function field(block: Buffer, at: number, length: number): string {
  const end = block.indexOf(0, at);
  return block.toString('utf8', at, end < 0 || end > at + length ? at + length : end);
}

/** An octal number, or GNU's base-256 form for numbers that do not fit. */
function octal(block: Buffer, at: number, length: number): number {
  const first = block[at] ?? 0;
  if ((first & 0x80) === 0) return Number.parseInt(field(block, at, length).trim() || '0', 8);
  let value = first & 0x7f;
  for (const byte of block.subarray(at + 1, at + length)) value = value * 256 + byte;
  return value;
}

function checksum(block: Buffer): number {
  return block.reduce((sum, byte, n) => sum + (n >= 148 && n < 156 ? 0x20 : byte), 0);
}
