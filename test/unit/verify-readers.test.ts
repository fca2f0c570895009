import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CommandError, EXIT, UserError } from '../../src/errors.js';
import { wanted } from '../../src/verify/read/content.js';
import { crc32, crc32c } from '../../src/verify/read/checksum.js';
import { readQcow2, readVhd, readVhdx } from '../../src/verify/read/headers.js';
import { reasonOf } from '../../src/verify/read/reason.js';
import { readTable } from '../../src/verify/read/table.js';
import { readTar } from '../../src/verify/read/tar.js';
import { readVmdk } from '../../src/verify/read/vmdk.js';
import { lookup, textOf, variable } from '../../src/verify/tree.js';
import { tree } from '../fixtures/verify/facts.js';
import { thrown } from '../support/thrown.js';

const { signal } = new AbortController();

function bytesOf(data: Buffer) {
  const read = (at: number, length: number) => {
    const part = Buffer.alloc(length);
    if (at >= 0 && at < data.length) data.copy(part, 0, at, at + length);
    return Promise.resolve(part);
  };
  return { size: data.length, read };
}

function command(tail: string): CommandError {
  return new CommandError({ doing: 'reading', argv: ['qemu-img'], exit: 'exit status 1', tail });
}

describe('checksums', () => {
  // The check values of the catalogue of CRC algorithms.
  it('are those of the specifications', () => {
    expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926);
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  });
});

describe('readers', () => {
  const partitions = 'EFI PART\0\0\x01\0\x5c\0\0\0';
  const headers = ['QFI\xfb\0\0\0\x03', 'vhdxfile', 'KDMV\x01\0\0\0', partitions, 'conectix'].map((text) =>
    Buffer.from(text, 'latin1'),
  );

  it('survive whatever a file holds', async () => {
    const anything = fc
      .tuple(
        fc.constantFrom(...headers, Buffer.alloc(0)),
        fc.uint8Array({ maxLength: 4096 }),
        fc.integer({ min: 0, max: 3 }),
      )
      .map(([head, rest, sectors]) => Buffer.concat([Buffer.alloc(sectors * 512), head, rest]));
    await fc.assert(
      fc.asyncProperty(anything, async (data) => {
        const bytes = bytesOf(data);
        await Promise.all([readQcow2, readVhdx, readVhd, readVmdk, readTable].map((read) => read(bytes)));
      }),
      { numRuns: 300 },
    );
  });

  it('of archives survive, too, however the bytes arrive', async () => {
    const parts = fc.array(
      fc.uint8Array({ maxLength: 1500 }).map((part) => Buffer.from(part)),
      { maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(parts, async (chunks) => {
        const stream = async function* (all: readonly Buffer[]): AsyncGenerator<Buffer> {
          for (const chunk of all) yield await Promise.resolve(chunk);
        };
        expect(await readTar(stream(chunks))).toEqual(await readTar(stream([Buffer.concat(chunks)])));
      }),
      { numRuns: 200 },
    );
  });
});

describe('what cannot be read', () => {
  it('is told in a line', () => {
    expect(reasonOf(command('a\nlast words\n'), signal)).toContain(': last words');
    expect(reasonOf(new UserError('cut off', { exitCode: EXIT.findings }), signal)).toBe('cut off');
  });

  it('is not the image’s fault when there is no room, or when it is a bug', () => {
    const room = thrown(() => reasonOf(command('write: No space left on device'), signal));
    expect(room).toMatchObject({ exitCode: EXIT.environment });
    expect(thrown(() => reasonOf(room, signal))).toBe(room);
    expect(thrown(() => reasonOf(new TypeError('x'), signal))).toBeInstanceOf(TypeError);
  });
});

describe('trees', () => {
  const some = tree({
    bin: { kind: 'symlink', target: 'usr/bin' },
    'usr/bin/sh': { kind: 'symlink', target: '/bin/dash' },
    'usr/bin/dash': 'a program',
    'usr/bin/rbash': { kind: 'hardlink', target: 'usr/bin/dash' },
    loop: { kind: 'symlink', target: 'loop/x' },
    up: { kind: 'symlink', target: '../../usr' },
  });

  it('are walked through links as the system does', () => {
    expect(textOf(some, 'bin/sh')).toBe('a program');
    expect(textOf(some, 'up/bin/rbash')).toBe('a program');
    expect(lookup(some, './usr//bin/../bin/dash')?.bytes).toBe(9);
    expect(lookup(some, 'loop')).toBeUndefined();
    expect(lookup(some, 'bin/none')).toBeUndefined();
  });

  it('have variables in quotes or without', () => {
    expect(variable('# ID=no\nID=debian\nNAME="De bian"\n', 'NAME')).toBe('De bian');
    expect(variable('ID=debian', 'ID')).toBe('debian');
    expect(variable(undefined, 'ID')).toBeUndefined();
  });

  it.each([
    ['etc/shadow', 5, true],
    ['root/.ssh/id', 5, true],
    ['var/lib/dpkg/status', 5, true],
    ['usr/bin/dash', 5, true],
    ['var/lib/dpkg/info/dash.list', 5, false],
    ['usr/share/doc/x', 5, false],
    ['etc/empty', 0, false],
  ])('%s of %i bytes is looked into: %s', (path, bytes, looked) => {
    expect(wanted(path, { kind: 'file', bytes }) > 0).toBe(looked);
  });
});
