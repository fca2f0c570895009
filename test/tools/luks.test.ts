import { createDecipheriv, randomBytes } from 'node:crypto';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LayerPlan, LuksPlan, LvmPlan } from '../../src/disk/types.js';
import { CommandError } from '../../src/errors.js';
import { reencrypt } from '../../src/exec/cryptsetup.js';
import { encryptionOf, encryptLuks, makeLuksHeader, newContainer } from '../../src/exec/luks.js';
import type { BuildEvent } from '../../src/exec/types.js';
import { XTS_CIPHER, xtsEncryptor } from '../../src/exec/xts.js';
import { withBytes } from '../../src/verify/read/bytes.js';
import { openLuks } from '../../src/verify/read/luks-open.js';
import { runCommand } from '../support/cli.js';
import { filesystem } from '../support/disk-layouts.js';
import { KIB, MIB } from '../support/disk-plans.js';
import { formatLuks } from '../support/luks.js';
import { scratch } from '../support/scratch.js';

const directory = scratch();
const work = scratch('/dev/shm');
const PASSPHRASE = 'Größe ist relativ zu 42';
const HEADER = 16 * MIB;

/** The same as ours for so small disks, but by cryptsetup, as all ciphers but ours. */
const BY_CRYPTSETUP = 'aes-xts-plain';
const ROUTES = [XTS_CIPHER, BY_CRYPTSETUP];

/** Place of what lies in a container. */
const inside = (start: number, bytes: number) => ({ start: start + HEADER, bytes });

function plan(start: number, payload: number, given: Partial<LuksPlan> = {}): LuksPlan {
  return {
    type: 'luks',
    name: 'crypt',
    cipher: 'aes-xts-plain64',
    keyBits: 512,
    sectorSize: 4096,
    pbkdf: 'argon2id',
    pbkdfMemory: 64 * KIB,
    pbkdfIterations: 4,
    start,
    bytes: HEADER + payload,
    uuid: '6f2b0c1e-94d3-4e0c-b5c3-7d1f2a8e6b90',
    headerBytes: HEADER,
    content: { ...filesystem('vfat', '/data'), uuid: '', ...inside(start, payload) },
    ...given,
  };
}

/** A disk that holds data in one place of a payload, and holes in all others. */
function disk(name: string, { start, bytes }: LuksPlan): { file: string; data: Buffer; at: number } {
  const file = path.join(directory, name);
  const data = randomBytes(100 * KIB);
  const at = start + HEADER + MIB;
  const fd = openSync(file, 'w');
  ftruncateSync(fd, start + bytes + MIB);
  writeSync(fd, data, 0, data.length, at);
  closeSync(fd);
  return { file, data, at };
}

interface Result {
  readonly events: BuildEvent[];
  readonly lines: string[];
}

async function format(file: string, luks: LuksPlan, passphrase = PASSPHRASE): Promise<Result> {
  const events: BuildEvent[] = [];
  const lines: string[] = [];
  const context = {
    work,
    signal: new AbortController().signal,
    log: (line: string) => lines.push(line),
    emit: (event: BuildEvent) => events.push(event),
  };
  await formatLuks(context, file, luks, passphrase);
  return { events, lines };
}

function read(file: string, start: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  const fd = openSync(file, 'r');
  readSync(fd, buffer, 0, bytes, start);
  closeSync(fd);
  return buffer;
}

/** The header as a file of its own, as `cryptsetup` wants it. */
async function header(file: string, { start }: LuksPlan): Promise<string> {
  const name = `${file}.header`;
  await runCommand(['dd', `if=${file}`, `of=${name}`, 'bs=1M', `skip=${String(start / MIB)}`, 'count=16']);
  return name;
}

async function opens(head: string, passphrase: string): Promise<boolean> {
  const argv = ['cryptsetup', 'open', '--test-passphrase', '--disable-locks', '--key-file', '-', head];
  const { code } = await runCommand(argv, { input: passphrase });
  expect([0, 2]).toContain(code);
  return code === 0;
}

/** Decrypts without cryptsetup, but for the volume key: AES-XTS, the sector's number (always in 512 bytes) as tweak. */
async function decrypt(file: string, luks: LuksPlan, bytes: number): Promise<Buffer> {
  const head = await header(file, luks);
  const key = `${head}.key`;
  const argv = ['cryptsetup', 'luksDump', '--dump-volume-key', '--batch-mode', '--disable-locks', '--key-file', '-'];
  const { code, stderr } = await runCommand([...argv, '--volume-key-file', key, head], { input: PASSPHRASE });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const encrypted = read(file, luks.start + HEADER, bytes);
  const plain: Buffer[] = [];
  for (let offset = 0; offset < bytes; offset += luks.sectorSize) {
    const tweak = Buffer.alloc(16);
    tweak.writeBigUInt64LE(BigInt(offset / 512));
    const decipher = createDecipheriv(`aes-${String(luks.keyBits / 2)}-xts`, readFileSync(key), tweak);
    plain.push(decipher.update(encrypted.subarray(offset, offset + luks.sectorSize)), decipher.final());
  }
  return Buffer.concat(plain);
}

async function expectPayload(file: string, luks: LuksPlan, data: Buffer, bytes: number): Promise<void> {
  const expected = Buffer.alloc(bytes);
  data.copy(expected, MIB);
  expect((await decrypt(file, luks, bytes)).equals(expected)).toBe(true);
}

describe('the encryption of sectors', () => {
  it.each(
    [512, 4096].flatMap((sectorSize) => [256, 512].map((keyBits) => ({ sectorSize, keyBits }) as Partial<LuksPlan>)),
  )('is that of cryptsetup, to the byte: $sectorSize, $keyBits', async (given) => {
    const luks = plan(0, 3 * MIB, given);
    const file = path.join(directory, `sectors-${String(luks.sectorSize)}-${String(luks.keyBits)}`);
    const [data, key] = [randomBytes(3 * MIB), randomBytes(luks.keyBits / 8)];
    writeFileSync(file, Buffer.concat([Buffer.alloc(MIB), data]));
    writeFileSync(`${file}.key`, key);
    const context = { signal: new AbortController().signal, log: () => undefined };
    const extents = { start: MIB, bytes: 3 * MIB };
    await reencrypt(context, { file, volumeKey: `${file}.key`, plan: luks, extents });
    const theirs = read(file, MIB, 3 * MIB);
    expect(theirs.equals(data)).toBe(false);
    const encryptor = xtsEncryptor(key, luks.sectorSize);
    const ours = [0, 1, 2].map((n) => encryptor(data.subarray(n * MIB, (n + 1) * MIB), n * 2048));
    expect(Buffer.concat(ours).equals(theirs)).toBe(true);
  });
});

describe('formatLuks', () => {
  it.each([
    { sectorSize: 4096, keyBits: 512, pbkdf: 'argon2id' },
    { sectorSize: 512, keyBits: 512, pbkdf: 'argon2i' },
    { sectorSize: 512, keyBits: 256, pbkdf: 'pbkdf2', pbkdfIterations: 5000 },
    { sectorSize: 512, keyBits: 512, pbkdf: 'pbkdf2', pbkdfIterations: 1000, cipher: BY_CRYPTSETUP },
  ] as const)(
    'encrypts every sector that may be read, holes too, and nothing else: $sectorSize, $keyBits, $pbkdf, $cipher',
    async (given) => {
      const luks = plan(3 * MIB, 8 * MIB, given);
      const { file, data } = disk(`disk-${given.pbkdf}-${luks.cipher}`, luks);
      const { events, lines } = await format(file, luks);
      await expectPayload(file, luks, data, 8 * MIB);
      expect(read(file, 0, 3 * MIB).every((byte) => byte === 0)).toBe(true);
      expect(read(file, luks.start + luks.bytes, MIB).every((byte) => byte === 0)).toBe(true);
      expect(statSync(file).size).toBe(28 * MIB);
      expect(events).toEqual([]);
      expect(lines.join('\n')).not.toContain(PASSPHRASE);
      // Nothing is left: neither keys nor the headers that were made aside.
      expect(readdirSync(directory).filter((name) => name.includes('.luks-'))).toEqual([]);
      expect(readdirSync(work)).toEqual([]);
    },
  );

  it('makes the header that was planned, and opens with the passphrase alone', async () => {
    const luks = plan(MIB, 4 * MIB);
    const { file } = disk('header', luks);
    await format(file, luks);
    const head = await header(file, luks);
    const { stdout } = await runCommand(['cryptsetup', 'luksDump', head]);
    expect(stdout).toMatch(/UUID: +\t6f2b0c1e-94d3-4e0c-b5c3-7d1f2a8e6b90\n/);
    expect(stdout).toMatch(
      /offset: 16777216 \[bytes\]\n\tlength: \(whole device\)\n\tcipher: aes-xts-plain64\n\tsector: 4096/,
    );
    expect(stdout).toMatch(/PBKDF: +argon2id\n\tTime cost: +4\n\tMemory: +65536\n\tThreads: +1\n/);
    expect(stdout.match(/^ {2}\d+: luks2$/gm)).toEqual(['  0: luks2']);
    expect(await opens(head, PASSPHRASE)).toBe(true);
    expect(await opens(head, `${PASSPHRASE}\n`)).toBe(false);
    expect(await opens(head, 'install')).toBe(false);
  });

  it('leaves the free space of a volume group as it is', async () => {
    const volume = { name: 'root', id: '', firstExtent: 0, extents: 1, content: plan(0, 0).content };
    const group = (start: number): LvmPlan => ({
      type: 'lvm',
      name: 'vg',
      start,
      bytes: 20 * MIB,
      vgId: '',
      pvId: '',
      extentBytes: 4 * MIB,
      peStart: MIB,
      volumes: [{ ...volume, content: volume.content as Extract<LayerPlan, { type: 'filesystem' }> }],
    });
    const luks = plan(MIB, 20 * MIB, { content: group(MIB + HEADER) });
    const { file, data } = disk('group', luks);
    await format(file, luks);
    await expectPayload(file, luks, data, 5 * MIB);
    expect(read(file, MIB + HEADER + 5 * MIB, 15 * MIB).every((byte) => byte === 0)).toBe(true);
    expect(statSync(file).blocks * 512).toBeLessThan(22 * MIB);
  });

  it.each(ROUTES)('leaves holes where an ext4 has free blocks, and keeps the rest: %s', async (cipher) => {
    const content = { ...filesystem('ext4', '/'), uuid: '', ...inside(MIB, 64 * MIB) };
    const luks = plan(MIB, 64 * MIB, { cipher, content });
    const { file, data } = disk(`ext4-${cipher}`, luks);
    const tree = path.join(directory, `tree-${cipher}`);
    mkdirSync(tree);
    writeFileSync(path.join(tree, 'data'), data);
    const start = MIB + HEADER;
    const made = ['mke2fs', '-q', '-F', '-t', 'ext4', '-d', tree, '-E', `offset=${String(start)}`, file, '64M'];
    expect(await runCommand(made)).toMatchObject({ code: 0 });
    await format(file, luks);
    expect(statSync(file).blocks * 512).toBeLessThan(40 * MIB);
    const plain = `${file}.plain`;
    writeFileSync(plain, await decrypt(file, luks, 64 * MIB));
    expect(await runCommand(['e2fsck', '-f', '-n', plain])).toMatchObject({ code: 0 });
    await runCommand(['debugfs', '-R', `dump /data ${plain}.data`, plain]);
    expect(readFileSync(`${plain}.data`).equals(data)).toBe(true);
  });

  it('keeps what was encrypted on its way, and encrypts what tools read beside it', async () => {
    const content = { ...filesystem('btrfs', '/'), uuid: '', ...inside(MIB, 8 * MIB) };
    const luks = plan(MIB, 8 * MIB, { sectorSize: 512, content });
    const file = path.join(directory, 'placed');
    const container = newContainer(luks);
    const data = randomBytes(1500 * KIB);
    const place = { start: content.start + MIB + 64 * KIB, bytes: data.length };
    const fd = openSync(file, 'w');
    ftruncateSync(fd, luks.start + luks.bytes);
    const encrypted = encryptionOf(container)?.(Buffer.from(data), place.start) ?? Buffer.alloc(0);
    writeSync(fd, encrypted, 0, data.length, place.start);
    closeSync(fd);
    container.placed.set(content, [place]);
    const context = { work, signal: new AbortController().signal, log: () => undefined, emit: () => undefined };
    await encryptLuks(context, file, container, await makeLuksHeader(context, container, PASSPHRASE));
    const expected = Buffer.alloc(3 * MIB);
    data.copy(expected, MIB + 64 * KIB);
    expect((await decrypt(file, luks, 3 * MIB)).equals(expected)).toBe(true);
    expect(read(file, content.start + 3 * MIB, 5 * MIB).every((byte) => byte === 0)).toBe(true);
  });

  it('leaves swap a hole but for its header, whatever lay there', async () => {
    const luks = plan(MIB, 16 * MIB, { content: { type: 'swap', label: '', uuid: '', ...inside(MIB, 16 * MIB) } });
    const { file, data } = disk('swap', luks);
    const id = '0d4ff4e5-9d5a-4a2b-8a3f-2f0a4f6d1c11';
    const swap = path.join(directory, 'swap.made');
    closeSync(openSync(swap, 'w'));
    truncateSync(swap, 16 * MIB);
    expect(await runCommand(['mkswap', '-U', id, swap])).toMatchObject({ code: 0 });
    const fd = openSync(file, 'r+');
    writeSync(fd, read(swap, 0, 4 * KIB), 0, 4 * KIB, MIB + HEADER);
    closeSync(fd);
    expect(readFileSync(file).includes(data)).toBe(true);
    await format(file, luks);
    expect(readFileSync(file).includes(data)).toBe(false);
    expect(statSync(file).blocks * 512).toBeLessThan(19 * MIB);
    const plain = path.join(directory, 'swap.plain');
    writeFileSync(plain, await decrypt(file, luks, 16 * MIB));
    expect((await runCommand(['blkid', '-p', '-o', 'value', '-s', 'UUID', plain])).stdout).toBe(`${id}\n`);
  });

  it.each([...[2, 5].map((gib) => ({ gib, cipher: BY_CRYPTSETUP })), { gib: 5, cipher: XTS_CIPHER }])(
    'finds a container behind $gib GiB, where cryptsetup counts wrong: $cipher',
    async ({ gib, cipher }) => {
      const luks = plan(gib * 1024 * MIB, 4 * MIB, { cipher });
      const { file, data } = disk(`behind-${String(gib)}-${cipher}`, luks);
      await format(file, luks);
      await expectPayload(file, luks, data, 4 * MIB);
      expect(statSync(file).blocks * 512).toBeLessThan(22 * MIB);
    },
  );

  it('warns of a weak passphrase without saying it', async () => {
    const luks = plan(MIB, MIB);
    const { events } = await format(disk('weak', luks).file, luks, 'Install123!');
    expect(events).toEqual([
      { type: 'log', level: 'warn', text: expect.stringContaining('crypt protects little') as string },
    ]);
    expect(JSON.stringify(events)).not.toContain('nstall1');
  });

  it.each([
    ['', 'has no passphrase'],
    ['two\nlines', 'line break'],
  ])('refuses %j', async (passphrase, message) => {
    const luks = plan(MIB, MIB);
    await expect(format(disk('refused', luks).file, luks, passphrase)).rejects.toThrow(message);
  });

  it('says nothing secret when cryptsetup fails, and leaves nothing', async () => {
    const luks = plan(MIB, MIB, { cipher: 'no-such-cipher' });
    const { file } = disk('fails', luks);
    const error: unknown = await format(file, luks).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CommandError);
    expect(JSON.stringify(error)).not.toContain(PASSPHRASE);
    expect(readdirSync(work)).toEqual([]);
  });
});

describe('looking into encrypted storage', () => {
  const { signal } = new AbortController();

  it('decrypts it without a device, with the passphrase that fits', async () => {
    for (const sectorSize of [512, 4096] as const) {
      const luks = plan(3 * MIB, 4 * MIB, { sectorSize });
      const { file, data } = disk(`look-${String(sectorSize)}`, luks);
      await format(file, luks);
      await withBytes(file, async (bytes) => {
        const volume = { bytes, at: luks.start, length: luks.bytes };
        const opened = await openLuks(volume, ['another one', PASSPHRASE], directory, signal);
        expect('file' in opened && opened.bytes).toBe(4 * MIB);
        if (!('file' in opened)) return;
        const expected = Buffer.alloc(4 * MIB);
        data.copy(expected, MIB);
        expect(read(opened.file, 0, 4 * MIB).equals(expected)).toBe(true);
        expect(await openLuks(volume, ['another one'], directory, signal)).toEqual({
          closed: 'no passphrase that was given opens it',
        });
        expect(await openLuks(volume, [], directory, signal)).toEqual({ closed: 'no passphrase was given' });
      });
    }
  });
});
