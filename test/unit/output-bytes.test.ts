import { describe, expect, it } from 'vitest';
import { sha256 } from '../../src/digest.js';
import { bmapText } from '../../src/output/bmap.js';
import { crc32c } from '../../src/output/crc32c.js';
import { contentGuid, guidBytes } from '../../src/output/guid.js';
import { tarEnd, tarHeader } from '../../src/output/tar.js';
import { VHD_FOOTER, vhdFooter, vhdGeometry } from '../../src/output/vhd.js';
import { vhdxFront, vhdxPayloadOffset } from '../../src/output/vhdx.js';
import { vmdkDescriptor, vmdkGrain, vmdkHeader, vmdkMarked, vmdkTable } from '../../src/output/vmdk.js';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

describe('identities', () => {
  it('follow from the content and the purpose alone', () => {
    const guid = contentGuid('abc', 'vhdx file');
    expect(guid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(contentGuid('abc', 'vhdx file')).toBe(guid);
    expect(contentGuid('abd', 'vhdx file')).not.toBe(guid);
    expect(contentGuid('abc', 'vhdx data')).not.toBe(guid);
  });

  it('are stored as Microsoft does', () => {
    expect(guidBytes('00112233-4455-6677-8899-aabbccddeeff').toString('hex')).toBe('33221100554477668899aabbccddeeff');
  });
});

describe('VHDX', () => {
  it('checks with CRC-32C', () => {
    // The check value of the algorithm, and 32 zeros of RFC 3720, B.4.
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
  });

  it.each([
    ['first header', 64 * 1024, 4096, 'head'],
    ['second header', 128 * 1024, 4096, 'head'],
    ['first region table', 192 * 1024, 65536, 'regi'],
    ['second region table', 256 * 1024, 65536, 'regi'],
  ])('has a %s with the right checksum', (_, at, bytes, signature) => {
    const part = Buffer.from(vhdxFront(4 * MIB, [0, 0, 0, 0], 'x').subarray(at, at + bytes));
    expect(part.toString('latin1', 0, 4)).toBe(signature);
    const stored = part.readUInt32LE(4);
    part.writeUInt32LE(0, 4);
    expect(crc32c(part)).toBe(stored);
  });

  it('has nothing to replay, one header newer than the other, blocks of 1 MiB', () => {
    const front = vhdxFront(4 * MIB, [0, 0, 0, 0], 'x');
    expect(front.readBigUInt64LE(64 * 1024 + 8)).toBeLessThan(front.readBigUInt64LE(128 * 1024 + 8));
    expect(front.subarray(64 * 1024 + 48, 64 * 1024 + 64).every((byte) => byte === 0)).toBe(true);
    expect(front.readUInt32LE(2 * MIB + 64 * 1024)).toBe(MIB);
    expect(front.readBigUInt64LE(2 * MIB + 64 * 1024 + 8)).toBe(BigInt(4 * MIB));
  });

  it('says where blocks are, leaving out the entry of every bitmap', () => {
    const blocks = new Array<number>(5000).fill(0);
    blocks[0] = 5 * MIB;
    blocks[4095] = 6 * MIB;
    blocks[4096] = 7 * MIB;
    const front = vhdxFront(5000 * MIB, blocks, 'x');
    const entry = (n: number): bigint => front.readBigUInt64LE(3 * MIB + 8 * n);
    expect([entry(0), entry(1), entry(4095)]).toEqual([(5n << 20n) | 6n, 2n, (6n << 20n) | 6n]);
    expect([entry(4096), entry(4097), entry(4098)]).toEqual([0n, (7n << 20n) | 6n, 2n]);
  });

  it('makes room for the table of a large disk', () => {
    expect(vhdxPayloadOffset(100 * GIB)).toBe(4 * MIB);
    expect(vhdxPayloadOffset(200 * GIB)).toBe(5 * MIB);
  });
});

describe('VHD', () => {
  const footer = vhdFooter(3 * MIB, 'x', 946_684_800 + 10);

  it('has the checksum that the specification asks for', () => {
    const bytes = Buffer.from(footer);
    const stored = bytes.readUInt32BE(64);
    bytes.writeUInt32BE(0, 64);
    expect(~bytes.reduce((sum, byte) => sum + byte, 0) >>> 0).toBe(stored);
  });

  it('is fixed, exact in size and counts time from 2000', () => {
    expect(footer).toHaveLength(VHD_FOOTER);
    expect(footer.toString('latin1', 0, 8)).toBe('conectix');
    expect(footer.readBigUInt64BE(16)).toBe(0xffff_ffff_ffff_ffffn);
    expect(footer.readUInt32BE(24)).toBe(10);
    expect(footer.readBigUInt64BE(48)).toBe(BigInt(3 * MIB));
    expect(footer.readUInt32BE(60)).toBe(2);
    expect(vhdFooter(3 * MIB, 'x', 0).readUInt32BE(24)).toBe(0);
  });

  it.each([
    [3 * MIB, { cylinders: 90, heads: 4, sectors: 17 }],
    [GIB, { cylinders: 2080, heads: 16, sectors: 63 }],
    [500 * GIB, { cylinders: 65535, heads: 16, sectors: 255 }],
  ])('has the geometry of %i bytes', (bytes, geometry) => {
    expect(vhdGeometry(bytes)).toEqual(geometry);
  });
});

describe('VMDK', () => {
  it('has a header of version 1 whose directory is at the end', () => {
    const header = vmdkHeader(64 * MIB);
    expect(header.toString('latin1', 0, 4)).toBe('KDMV');
    expect([4, 8, 44].map((at) => header.readUInt32LE(at))).toEqual([1, 0x30001, 512]);
    expect([12, 20, 28, 36, 56, 64].map((at) => header.readBigUInt64LE(at))).toEqual([
      BigInt(64 * 2048),
      128n,
      1n,
      20n,
      0xffff_ffff_ffff_ffffn,
      128n,
    ]);
    expect(header.subarray(73, 79).toString('hex')).toBe('0a200d0a0100');
    expect(vmdkHeader(64 * MIB, 4711).readBigUInt64LE(56)).toBe(4711n);
  });

  it('is described as importers want it', () => {
    const text = vmdkDescriptor(3 * GIB, 'x')
      .toString('latin1')
      .replace(/\0*$/, '');
    expect(text).toMatchInlineSnapshot(`
      "# Disk DescriptorFile
      version=1
      CID=7a42d5b8
      parentCID=ffffffff
      createType="streamOptimized"

      # Extent description
      RW 6291456 SPARSE "disk.vmdk"

      # The Disk Data Base
      #DDB

      ddb.adapterType = "lsilogic"
      ddb.geometry.cylinders = "391"
      ddb.geometry.heads = "255"
      ddb.geometry.sectors = "63"
      ddb.longContentID = "0482d6ab45518eddbe6b4d347a42d5b8"
      ddb.toolsVersion = "2147483647"
      ddb.virtualHWVersion = "13"
      "
    `);
  });

  it.each([
    [MIB, 1],
    [2 ** 40, 65535],
  ])('has as many cylinders as 16 bits hold: %i bytes', (bytes, cylinders) => {
    expect(vmdkDescriptor(bytes, 'x').toString('latin1')).toContain(`cylinders = "${String(cylinders)}"`);
  });

  it('pads grains and tables to sectors behind their markers', () => {
    const grain = vmdkGrain(3, Buffer.alloc(501, 7));
    expect(grain).toHaveLength(1024);
    expect([grain.readBigUInt64LE(0), grain.readUInt32LE(8), grain.readUInt8(512), grain.readUInt8(513)]).toEqual([
      384n,
      501,
      7,
      0,
    ]);
    const table = vmdkMarked('grainTable', vmdkTable(new Uint32Array(512).fill(9)));
    expect(table).toHaveLength(5 * 512);
    expect([table.readBigUInt64LE(0), table.readUInt32LE(8), table.readUInt32LE(12)]).toEqual([4n, 0, 1]);
    expect(table.readUInt32LE(512)).toBe(9);
    expect(vmdkMarked('endOfStream', Buffer.alloc(0))).toEqual(Buffer.alloc(512));
  });
});

describe('tar', () => {
  it('writes plain ustar of root', () => {
    const header = tarHeader('a.ovf', 1234, 1_700_000_000);
    const field = (from: number, to: number): string => header.toString('latin1', from, to);
    expect(field(0, 6)).toBe('a.ovf\0');
    expect(field(100, 148)).toBe('0000644\0' + '0000000\0' + '0000000\0' + '00000002322\0' + '14524770400\0');
    expect(field(156, 157) + field(257, 265)).toBe('0ustar\u000000');
    const sum = Buffer.concat([header.subarray(0, 148), Buffer.alloc(8, ' '), header.subarray(156)]);
    expect(parseInt(field(148, 154), 8)).toBe(sum.reduce((total, byte) => total + byte, 0));
  });

  it('stores sizes beyond eight gigabytes in binary', () => {
    expect(tarHeader('a', 8 * GIB - 1, 0).toString('latin1', 124, 135)).toBe('77777777777');
    const large = tarHeader('a', 8 * GIB, 0);
    expect([large.readUInt8(124), large.readBigUInt64BE(128)]).toEqual([0x80, BigInt(8 * GIB)]);
  });

  it('refuses a name that does not fit, and ends in whole records', () => {
    expect(() => tarHeader('x'.repeat(101), 1, 0)).toThrow('too long');
    expect(tarEnd(9728)).toBe(20480);
    expect(tarEnd(512)).toBe(10240);
  });
});

describe('block maps', () => {
  it('count what is mapped and check themselves', () => {
    const text = bmapText(10 * 4096, [
      { first: 0, last: 0, sha256: 'a'.repeat(64) },
      { first: 3, last: 7, sha256: 'b'.repeat(64) },
    ]);
    expect(text).toContain('<MappedBlocksCount>6</MappedBlocksCount>');
    expect(text).toContain(`<Range chksum="${'b'.repeat(64)}">3-7</Range>`);
    const own = /<BmapFileChecksum>(\w+)</.exec(text)?.[1] ?? '';
    expect(sha256(text.replace(own, '0'.repeat(64)))).toBe(own);
  });
});
