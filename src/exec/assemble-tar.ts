/*
 * Members of a tar as they stand in the stream: a header of 512 bytes, before it perhaps one with extended attributes
 * (pax, POSIX.1-2001), behind it the content in whole blocks.
 */
export const BLOCK = 512;

export interface Member {
  /** Path in the image: `/`, `/etc/fstab`. */
  readonly path: string;
  /** One letter, as in the header: 0 file, 1 hard link, 2 symbolic link, 5 directory … */
  readonly type: string;
  readonly size: number;
  /** Target of a link as it is written. */
  readonly link: string;
  readonly header: Buffer;
  /** Records of the extended header. */
  readonly records: ReadonlyMap<string, Buffer>;
}

/** Content with padding. */
export function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}

/** A header of its own kind: the extended one of the next member (`x`) or of all that follow (`g`). */
export function isExtended(header: Buffer): boolean {
  return 'xg'.includes(typeOf(header));
}

function typeOf(header: Buffer): string {
  const type = header.toString('latin1', 156, 157);
  // Old tars write a NUL for a plain file, and 7 for a contiguous one.
  return type === '\0' || type === '7' ? '0' : type;
}

/** Reads a header, with the records of the extended header before it. */
export function readMember(header: Buffer, records: ReadonlyMap<string, Buffer>): Member {
  const type = typeOf(header);
  if (type === 'L' || type === 'K' || type === 'S') throw new Error(`the tar has a member of GNU's own type ${type}`);
  const prefix = header.toString('latin1', 257, 262) === 'ustar' ? textField(header, 345, 155) : '';
  const short = textField(header, 0, 100);
  const name = records.get('path')?.toString() ?? (prefix === '' ? short : `${prefix}/${short}`);
  const size = records.get('size')?.toString();
  return {
    path: absolute(name),
    type,
    // A hard link repeats the size of the file in some tars, and has no content in pax.
    size: type === '0' || isExtended(header) ? (size === undefined ? sizeField(header) : Number(size)) : 0,
    link: records.get('linkpath')?.toString() ?? textField(header, 157, 100),
    header,
    records,
  };
}

/** `./etc/`, `etc`, `/etc` → `/etc`. */
export function absolute(name: string): string {
  return `/${name
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')}`;
}

function textField(header: Buffer, start: number, length: number): string {
  const end = header.indexOf(0, start);
  return header.toString('utf8', start, end < 0 || end > start + length ? start + length : end);
}

/** Octal, or base 256 when the first bit is set (GNU, above 8 GiB). */
function sizeField(header: Buffer): number {
  if ((header.readUInt8(124) & 0x80) !== 0) return Number(header.readBigUInt64BE(128));
  const text = textField(header, 124, 12).trim();
  return text === '' ? 0 : Number.parseInt(text, 8);
}

/** Records of an extended header: `LENGTH KEY=VALUE\n` each, the length counting itself. */
export function readRecords(data: Buffer): Map<string, Buffer> {
  const records = new Map<string, Buffer>();
  for (let at = 0; at < data.length;) {
    const blank = data.indexOf(0x20, at);
    const equals = data.indexOf(0x3d, blank);
    const length = Number.parseInt(data.toString('latin1', at, blank), 10);
    if (blank < 0 || equals < 0 || !(length > 0)) throw new Error('the tar has a broken extended header');
    records.set(data.toString('utf8', blank + 1, equals), data.subarray(equals + 1, at + length - 1));
    at += length;
  }
  return records;
}

/** The headers of a member under another path (and a hard link's target under another). */
export function renamed(member: Member, path: string, link: string): Buffer {
  const records = new Map(member.records);
  for (const key of ['path', 'linkpath']) records.delete(key);
  const name = `.${path}${member.type === '5' && path !== '/' ? '/' : ''}`;
  if (Buffer.byteLength(name) > 100) records.set('path', Buffer.from(name));
  if (Buffer.byteLength(link) > 100) records.set('linkpath', Buffer.from(link));
  const header = Buffer.from(member.header);
  header.fill(0, 345, 500);
  putText(header, name, 0, 100);
  putText(header, link, 157, 100);
  sign(header);
  return Buffer.concat([...(records.size === 0 ? [] : [extendedHeader(records)]), header]);
}

function extendedHeader(records: ReadonlyMap<string, Buffer>): Buffer {
  const data = Buffer.concat([...records].map(([key, value]) => record(key, value)));
  const header = Buffer.alloc(BLOCK);
  putText(header, './PaxHeaders/renamed', 0, 100);
  putText(header, '0000644\0' + '0000000\0'.repeat(2), 100, 24);
  putText(header, `${data.length.toString(8).padStart(11, '0')}\0${'0'.repeat(11)}\0`, 124, 24);
  putText(header, 'x', 156, 1);
  putText(header, 'ustar\x0000', 257, 8);
  sign(header);
  return Buffer.concat([header, data, Buffer.alloc(padded(data.length) - data.length)]);
}

function record(key: string, value: Buffer): Buffer {
  const rest = Buffer.byteLength(key) + value.length + 3;
  let length = rest + String(rest).length;
  if (String(length).length > String(rest).length) length += 1;
  return Buffer.concat([Buffer.from(`${String(length)} ${key}=`), value, Buffer.from('\n')]);
}

/** The headers of a new, empty directory. */
export function directoryHeader(path: string, epoch: number): Buffer {
  const header = Buffer.alloc(BLOCK);
  putText(header, `.${path}/`, 0, 100);
  putText(header, '0000755\0' + '0000000\0'.repeat(2), 100, 24);
  putText(header, `${'0'.repeat(11)}\0${epoch.toString(8).padStart(11, '0')}\0`, 124, 24);
  putText(header, '5', 156, 1);
  putText(header, 'ustar\x0000', 257, 8);
  sign(header);
  if (Buffer.byteLength(path) < 98) return header;
  return Buffer.concat([extendedHeader(new Map([['path', Buffer.from(`.${path}/`)]])), header]);
}

function putText(header: Buffer, text: string, start: number, length: number): void {
  header.fill(0, start, start + length);
  header.write(text, start, length);
}

/** The checksum counts itself as blanks. */
function sign(header: Buffer): void {
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
}
