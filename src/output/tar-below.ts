import { TAR_BLOCK, tarPadded, tarSum } from './tar.js';

/*
 * A tar whose members lie in a directory: names are changed in headers, and in pax records where they stand there. Content
 * passes as it comes. For archives as GNU tar writes them with --format=pax: long names are in records of kind `x`.
 */

/** Longest name and longest name of the directory before it that a ustar header holds. */
const NAME_BYTES = 100;
const RECORD_TYPES = 'xg';

/**
 * Moves all members of a tar below a directory, hard links to them as well; the archive's own root becomes the directory.
 *
 * @param stream without a member that is larger than the rest of the archive says.
 * @param directory without a slash at its end, e.g. `rootfs`.
 * @returns the members without the end of an archive, so that others may follow.
 * @throws Error for an archive that ends in the middle of a member.
 */
export async function* tarBelow(stream: AsyncIterable<Buffer>, directory: string): AsyncGenerator<Buffer, void> {
  /** Bytes of content and padding that pass unchanged. */
  let passing = 0;
  /** Records before the next header, while they are read and when they are whole. */
  let reading: { readonly header: Buffer; readonly bytes: number } | undefined;
  let records: { readonly header: Buffer; readonly text: Buffer } | undefined;
  let kept: Buffer = Buffer.alloc(0);

  for await (const data of stream) {
    let rest = kept.length === 0 ? data : Buffer.concat([kept, data]);
    kept = Buffer.alloc(0);
    while (rest.length > 0) {
      if (passing > 0) {
        const part = rest.subarray(0, passing);
        yield part;
        passing -= part.length;
        rest = rest.subarray(part.length);
        continue;
      }
      const wanted = reading === undefined ? TAR_BLOCK : tarPadded(reading.bytes);
      if (rest.length < wanted) {
        // Copied: what it is a part of may be used again.
        kept = Buffer.from(rest);
        break;
      }
      const block = rest.subarray(0, wanted);
      rest = rest.subarray(wanted);
      if (reading !== undefined) {
        records = { header: reading.header, text: Buffer.from(block.subarray(0, reading.bytes)) };
        reading = undefined;
      } else if (block.every((byte) => byte === 0)) {
        // The end: blocks of zeros up to the end of a record.
      } else if (RECORD_TYPES.includes(typeOf(block))) {
        reading = { header: Buffer.from(block), bytes: sizeOf(block) };
      } else {
        yield renamed(Buffer.from(block), records, directory);
        const size = records === undefined ? undefined : paxRecord(records.text, 'size');
        // Links and directories have no content, whatever their size field says.
        passing = '123456'.includes(typeOf(block)) ? 0 : tarPadded(size === undefined ? sizeOf(block) : Number(size));
        records = undefined;
      }
    }
  }
  if (passing > 0 || kept.length > 0 || reading !== undefined)
    throw new Error('the tar ends in the middle of a member');
}

/** A header with its records, below the directory. */
function renamed(
  header: Buffer,
  records: { readonly header: Buffer; readonly text: Buffer } | undefined,
  directory: string,
): Buffer {
  const values = new Map(records === undefined ? [] : paxRecords(records.text));
  const move = (field: 'path' | 'linkpath', at: number): void => {
    const before = values.get(field) ?? fieldOf(header, field === 'path', at);
    const after = Buffer.from(below(before.toString('latin1'), directory), 'latin1');
    header.fill(0, at, at + NAME_BYTES);
    after.copy(header, at, 0, NAME_BYTES);
    values.delete(field);
    if (after.length > NAME_BYTES) values.set(field, after);
  };
  move('path', 0);
  // The prefix of a name is in it now.
  header.fill(0, 345, 500);
  if (typeOf(header) === '1') move('linkpath', 157);
  seal(header);
  if (values.size === 0) return header;
  const text = Buffer.concat([...values].map(([key, value]) => paxLine(key, value)));
  const front = records === undefined ? recordsHeader(header) : records.header;
  front.write(`${text.length.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  seal(front);
  return Buffer.concat([front, text, Buffer.alloc(tarPadded(text.length) - text.length), header]);
}

/** `./etc` and `etc` become `rootfs/etc`; `./` becomes `rootfs/`. Bytes are characters here: names have no encoding. */
function below(name: string, directory: string): string {
  return `${directory}/${name.replace(/^(\.?\/)+/, '').replace(/^\.$/, '')}`;
}

/** The header of records for a member that had none. */
function recordsHeader(member: Buffer): Buffer {
  const header = Buffer.from(member);
  header.fill(0, 0, NAME_BYTES);
  header.write('PaxHeaders/long', 0, 'latin1');
  header.fill(0, 157, 157 + NAME_BYTES);
  header.write('x', 156, 'latin1');
  return header;
}

function seal(header: Buffer): void {
  header.fill(' ', 148, 156);
  header.write(`${tarSum(header).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}

function typeOf(header: Buffer): string {
  return String.fromCharCode(header[156] ?? 0);
}

/** The name in a header with its prefix, or the target of a link. */
function fieldOf(header: Buffer, prefixed: boolean, at: number): Buffer {
  const text = (from: number, length: number): Buffer => {
    const end = header.indexOf(0, from);
    return header.subarray(from, end < 0 || end > from + length ? from + length : end);
  };
  const prefix = prefixed ? text(345, 155) : Buffer.alloc(0);
  const name = Buffer.from(text(at, NAME_BYTES));
  return prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name]);
}

/** Size of a member: octal, or base 256 when the first bit is set (GNU, from 8 GiB on). */
function sizeOf(header: Buffer): number {
  if (((header[124] ?? 0) & 0x80) !== 0) return Number(header.readBigUInt64BE(128));
  const text = header.toString('latin1', 124, 136).replace(/[\0 ].*$/s, '');
  return text === '' ? 0 : Number.parseInt(text, 8);
}

/** `LENGTH KEY=VALUE\n`, where the length counts all of it; values are bytes and may hold anything. */
function paxRecords(text: Buffer): [string, Buffer][] {
  const found: [string, Buffer][] = [];
  for (let at = 0; at < text.length;) {
    const space = text.indexOf(0x20, at);
    const length = Number(text.toString('latin1', at, space));
    const equals = text.indexOf(0x3d, space);
    if (space < 0 || equals < 0 || !Number.isInteger(length) || length <= 0)
      throw new Error('damaged records in a tar');
    found.push([text.toString('latin1', space + 1, equals), text.subarray(equals + 1, at + length - 1)]);
    at += length;
  }
  return found;
}

function paxRecord(text: Buffer, wanted: string): string | undefined {
  return paxRecords(text)
    .find(([key]) => key === wanted)?.[1]
    .toString('latin1');
}

function paxLine(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`, 'latin1'), value, Buffer.from('\n')]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}
