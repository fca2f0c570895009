import { createHash } from 'node:crypto';

/**
 * A GUID that follows from content: version 8 of RFC 9562, whose other bits are the writer's own.
 *
 * @param content digest of what the GUID is to stand for.
 * @param purpose different GUIDs of one content have different purposes.
 * @returns lower case, with dashes.
 */
export function contentGuid(content: string, purpose: string): string {
  const bytes = createHash('sha256').update(`imgbuild ${purpose} ${content}`).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** A GUID as Microsoft's formats store it: the first three fields with their lowest byte first. */
export function guidBytes(guid: string): Buffer {
  const bytes = Buffer.from(guid.replaceAll('-', ''), 'hex');
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes;
}
