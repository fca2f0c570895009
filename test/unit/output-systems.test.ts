import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, linkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { sha256 } from '../../src/digest.js';
import { ownsAllIds } from '../../src/exec/formats/directory.js';
import { gzip } from '../../src/exec/formats/gzip.js';
import { incusFiles } from '../../src/output/incus.js';
import { ociFiles, ociName, type OciFacts } from '../../src/output/oci.js';
import { tarBelow } from '../../src/output/tar-below.js';
import { tarHeader } from '../../src/output/tar.js';
import { readTar } from '../../src/verify/read/tar.js';

async function* pieces(data: Buffer, size: number): AsyncGenerator<Buffer, void> {
  // The same memory for all, as pipes may do.
  const buffer = Buffer.alloc(size);
  for (let at = 0; at < data.length; at += size) {
    const length = data.copy(buffer, 0, at);
    yield await Promise.resolve(buffer.subarray(0, length));
  }
}

async function whole(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

describe('gzip', () => {
  const text = Buffer.from(Array.from({ length: 400_000 }, (_, n) => `line ${String(n * n)}\n`).join(''));

  it('is one member that any reader unpacks, in whatever pieces it came', async () => {
    const packed = await whole(gzip(pieces(text, 65_536)));
    expect(gunzipSync(packed).equals(text)).toBe(true);
    expect(execFileSync('gzip', ['-dc'], { input: packed, maxBuffer: 1 << 26 }).equals(text)).toBe(true);
    expect(packed.length).toBeLessThan(text.length / 2);
    expect((await whole(gzip(pieces(text, 999)))).equals(packed)).toBe(true);
  });

  it('of nothing is nothing', async () => {
    expect(gunzipSync(await whole(gzip(pieces(Buffer.alloc(0), 1))))).toHaveLength(0);
  });
});

describe('a tar below a directory', () => {
  let top: string;
  let tar: Buffer;
  const long = `${'d'.repeat(90)}/${'e'.repeat(90)}`;
  beforeAll(() => {
    top = mkdtempSync(path.join(tmpdir(), 'imgbuild-test-'));
    const root = path.join(top, 'root');
    mkdirSync(path.join(root, long), { recursive: true });
    writeFileSync(path.join(root, 'file'), 'x'.repeat(1000));
    writeFileSync(path.join(root, 'empty'), '');
    writeFileSync(path.join(root, 'n'.repeat(97)), 'long in the directory alone');
    writeFileSync(path.join(root, long, 'ü'), 'long before');
    linkSync(path.join(root, long, 'ü'), path.join(root, 'hard'));
    symlinkSync('./file', path.join(root, 'link'));
    tar = execFileSync('tar', ['--create', '--format=pax', '--sort=name', `--directory=${root}`, '.']);
  });
  afterAll(() => {
    rmSync(top, { recursive: true, force: true });
  });

  it.each([512, 1000, 65_536])('is what GNU tar unpacks there, in pieces of %i bytes', async (size) => {
    const moved = await whole(tarBelow(pieces(tar, size), 'rootfs'));
    const into = mkdtempSync(path.join(top, 'into-'));
    execFileSync('tar', ['-xf', '-', '-C', into], { input: Buffer.concat([moved, Buffer.alloc(1024)]) });
    execFileSync('diff', ['-r', path.join(top, 'root'), path.join(into, 'rootfs')]);
    const { members, defects } = await readTar(pieces(Buffer.concat([moved, Buffer.alloc(1024)]), 700));
    expect(defects).toEqual([]);
    expect(members[0]?.name).toBe('rootfs/');
    expect(members.filter(({ name }) => !name.startsWith('rootfs/'))).toEqual([]);
    const links = members.filter(({ kind }) => kind === 'hardlink');
    expect(links.map(({ target }) => target?.startsWith('rootfs/'))).toEqual([true]);
    expect(members.find(({ kind }) => kind === 'symlink')?.target).toBe('./file');
  });

  it('keeps attributes, whose values are bytes', async () => {
    const record = (line: string): Buffer => {
      const rest = ` ${line}\n`;
      return Buffer.from(`${String(rest.length + 2)}${rest}`, 'latin1');
    };
    const value = record('SCHILY.xattr.user.a=\x01\x00\xff=\n');
    const header = tarHeader('./PaxHeaders/a', 0, 0);
    header.write('x', 156);
    header.write(`${value.length.toString(8).padStart(11, '0')}\0`, 124);
    const archive = Buffer.concat([header, value, Buffer.alloc(512 - value.length), tarHeader('./a', 0, 0)]);
    const moved = await whole(tarBelow(pieces(archive, 512), 'rootfs'));
    const { members, defects } = await readTar(pieces(Buffer.concat([moved, Buffer.alloc(1024)]), 512));
    expect(defects).toEqual([]);
    expect(members[0]?.xattrs).toEqual({ 'user.a': '0100ff3d0a' });
  });

  it('refuses a half', async () => {
    await expect(whole(tarBelow(pieces(tar.subarray(0, 3000), 512), 'rootfs'))).rejects.toThrow('in the middle');
  });
});

describe('the texts of an OCI image', () => {
  const facts: OciFacts = {
    profile: 'Web 1',
    architecture: 'armhf',
    debianVersion: '12.12',
    epoch: 1_700_000_000,
    init: 'systemd',
  };
  const layer = { bytes: 123, sha256: 'a'.repeat(64), diffId: 'b'.repeat(64) };

  it('refer to each other by their digests', () => {
    const [config, manifest, index, list] = ociFiles(facts, layer).map(({ name, text }) => ({ name, text }));
    expect(config?.name).toBe(`blobs/sha256/${sha256(config?.text ?? '')}`);
    expect(manifest?.name).toBe(`blobs/sha256/${sha256(manifest?.text ?? '')}`);
    expect(JSON.parse(config?.text ?? '')).toMatchObject({
      created: '2023-11-14T22:13:20Z',
      architecture: 'arm',
      variant: 'v7',
      os: 'linux',
      config: { Cmd: ['/sbin/init'], StopSignal: 'SIGRTMIN+3' },
      rootfs: { diff_ids: [`sha256:${layer.diffId}`] },
    });
    expect(JSON.parse(manifest?.text ?? '')).toMatchObject({
      config: { digest: `sha256:${sha256(config?.text ?? '')}`, size: config?.text.length },
      layers: [{ digest: `sha256:${layer.sha256}`, size: 123 }],
    });
    expect(JSON.parse(index?.text ?? '')).toMatchObject({
      manifests: [{ digest: `sha256:${sha256(manifest?.text ?? '')}`, size: manifest?.text.length }],
    });
    expect(JSON.parse(list?.text ?? '')).toEqual([
      { Config: config?.name, RepoTags: ['web-1:latest'], Layers: [`blobs/sha256/${layer.sha256}`] },
    ]);
  });

  it('start a shell where there is no init', () => {
    const [config] = ociFiles({ ...facts, init: 'none' }, layer);
    expect(config?.text).toContain('"Cmd":["/bin/bash"]');
    expect(config?.text).not.toContain('StopSignal');
  });

  it.each([
    ['deb12-amd64-lxc', 'deb12-amd64-lxc'],
    ['A__b..C', 'a-b-c'],
    ['-', 'image'],
  ])('name %s as %s', (profile, name) => {
    expect(ociName(profile)).toBe(name);
  });
});

describe('the metadata for Incus', () => {
  it('is what Incus reads', () => {
    const facts = { profile: 'web1', suite: 'bookworm', architecture: 'arm64', epoch: 1_700_000_000 } as const;
    const [metadata, hostname, interfaces] = incusFiles({ ...facts, kind: 'container' });
    expect(parse(metadata.text)).toEqual({
      architecture: 'aarch64',
      creation_date: 1_700_000_000,
      properties: {
        architecture: 'arm64',
        description: 'Debian 12 (bookworm), web1, arm64 container',
        name: 'web1',
        os: 'Debian',
        release: 'bookworm',
        serial: '20231114_221320',
        variant: 'web1',
      },
      templates: {
        '/etc/hostname': { when: ['create', 'copy'], template: 'hostname.tpl' },
        '/etc/network/interfaces': { when: ['create'], create_only: true, template: 'interfaces.tpl' },
      },
    });
    expect(hostname?.name).toBe('templates/hostname.tpl');
    expect(interfaces?.name).toBe('templates/interfaces.tpl');
    expect(interfaces?.text).toContain('\nauto eth0\niface eth0 inet dhcp\niface eth0 inet6 auto\n');
  });

  it('leaves a machine its own network', () => {
    const facts = { profile: 'web1', architecture: 'amd64', epoch: 1_700_000_000 } as const;
    const machine = incusFiles({ ...facts, suite: 'bookworm', kind: 'machine' });
    expect(machine.map(({ name }) => name)).toEqual(['metadata.yaml', 'templates/hostname.tpl']);
    expect(machine[0].text).not.toContain('interfaces');
    expect(incusFiles({ ...facts, suite: 'sid', kind: 'machine' })[0].text).toContain('Debian sid, web1');
  });
});

describe('owners of a plain directory', () => {
  it.each([
    ['         0          0 4294967295\n', true],
    ['         0       1000          1\n         1     100000      65536\n', false],
    ['         0     100000      65536\n', false],
  ])('by the map %j: %s', (map, all) => {
    expect(ownsAllIds(map)).toBe(all);
  });
});
