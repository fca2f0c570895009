import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { build, buildEnv, imagePath } from '../support/build.js';
import { PROFILE, reference } from '../support/caches.js';
import { imgbuild, runCommand } from '../support/cli.js';
import { PODMAN } from '../support/engines.js';

const FORMATS = 'squashfs,erofs,dir,oci.tar,incus,incus-split';

interface File {
  readonly path: string;
  readonly sha256: string;
  readonly fingerprint?: string;
  readonly directory?: true;
}

let top: string;
let template: string;
let files: readonly File[];

/** The file of a format, by the end of its name. */
function file(suffix: string): string {
  const found = files.find(({ path: name }) => name.endsWith(suffix));
  return path.join(top, 'out', found?.path ?? suffix);
}

/** Runs a command and expects it to succeed. */
async function run(...argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(argv);
  if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${String(code)}:\n${stderr}`);
  return stdout;
}

/** What a tree is, one line a member: owners, modes, sizes, names, targets, contents and capabilities. */
const LISTING = `
  cd "$1"
  find . -path ./dev -prune -o -printf '%P %y %m %U %G %l ' \\( -type f -printf '%s' -o -true \\) -printf '\\n' | LC_ALL=C sort
  find . -path ./dev -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
  getcap -r . | LC_ALL=C sort`;

let expected: string;
async function listing(directory: string): Promise<string> {
  return await run('bash', '-euc', LISTING, 'listing', directory);
}

beforeAll(async () => {
  template = imagePath(await reference());
  top = mkdtempSync(path.join(tmpdir(), 'imgbuild-test-'));
  const argv = [PROFILE, '--format', FORMATS, '--output', path.join(top, 'out')];
  files = (await build(argv)).results[0]?.files ?? [];
  const root = path.join(top, 'root');
  mkdirSync(root);
  await run('tar', '--zstd', '-xpf', template, '-C', root, '--numeric-owner', '--xattrs', '--xattrs-include=*');
  expected = await listing(root);
});
afterAll(() => {
  rmSync(top, { recursive: true, force: true });
});

describe('a root filesystem', () => {
  it.each(['squashfs', 'erofs'])('as %s is mounted by the kernel, and is what the template is', async (kind) => {
    const mountpoint = path.join(top, `mnt-${kind}`);
    mkdirSync(mountpoint);
    await run('mount', '-t', kind, '-o', 'loop,ro', file(`.${kind}`), mountpoint);
    try {
      expect(await listing(mountpoint)).toBe(expected);
    } finally {
      await run('umount', mountpoint);
    }
  });

  it('as directory is what the template is, with a link and no sum', async () => {
    expect(await listing(file('.dir'))).toBe(expected);
    const link = path.join(top, 'out', PROFILE, `${PROFILE}_rootfs.dir`);
    expect(statSync(path.join(link, 'etc')).isDirectory()).toBe(true);
    await run('sh', '-c', 'cd "$1" && sha256sum --check --quiet SHA256SUMS', 'sh', path.join(top, 'out', PROFILE));
    expect(readFileSync(path.join(top, 'out', PROFILE, 'SHA256SUMS'), 'utf8')).not.toContain('.dir');
  });
});

describe('the OCI image', () => {
  it('is loaded by Podman, and runs', async () => {
    expect(await run(...PODMAN, 'load', '--quiet', '--input', file('.oci.tar'))).toContain(`${PROFILE}:latest`);
    try {
      const version = await run(...PODMAN, 'run', '--rm', `localhost/${PROFILE}`, 'cat', '/etc/debian_version');
      expect(version).toMatch(/^12\./);
      const config = await run(...PODMAN, 'image', 'inspect', `localhost/${PROFILE}`);
      expect(JSON.parse(config)).toMatchObject([
        { Architecture: 'amd64', Os: 'linux', Config: { Cmd: ['/sbin/init'] } },
      ]);
    } finally {
      await run(...PODMAN, 'rmi', '--force', `localhost/${PROFILE}`);
    }
  });

  it('has the names that Proxmox VE asks for, and a layer that is the template', async () => {
    const names = (await run('tar', '-tf', file('.oci.tar'))).trimEnd().split('\n');
    expect(names).toEqual(expect.arrayContaining(['oci-layout', 'index.json']));
    expect(
      names.filter((name) => !/^(oci-layout|index\.json|manifest\.json|blobs\/sha256\/[0-9a-f]{64})$/.test(name)),
    ).toEqual([]);
    const script = `
      layer=$(tar -xOf "$1" manifest.json | sed 's/.*"Layers":\\["\\([^"]*\\)".*/\\1/')
      tar -xOf "$1" "$layer" | gzip -dc | sha256sum; zstd -dcq "$2" | sha256sum`;
    const [layer, tar] = (await run('bash', '-euo', 'pipefail', '-c', script, 'sh', file('.oci.tar'), template))
      .trim()
      .split('\n');
    expect(layer).toBe(tar);
  });
});

describe('the image for Incus', () => {
  it('in one file has metadata first, then the tree below rootfs/', async () => {
    const names = (await run('tar', '-tzf', file('.incus.tar.gz'))).trimEnd().split('\n');
    expect(names.slice(0, 4)).toEqual([
      'metadata.yaml',
      'templates/hostname.tpl',
      'templates/interfaces.tpl',
      'rootfs/',
    ]);
    const into = path.join(top, 'incus');
    mkdirSync(into);
    await run('tar', '-xpzf', file('.incus.tar.gz'), '-C', into, '--numeric-owner', '--xattrs', '--xattrs-include=*');
    expect(await listing(path.join(into, 'rootfs'))).toBe(expected);
    expect(parse(readFileSync(path.join(into, 'metadata.yaml'), 'utf8'))).toMatchObject({ architecture: 'x86_64' });
  });

  it('in two files has the fingerprint that Incus computes', async () => {
    const [metadata, data] = [file('.incus.tar.xz'), file('.incus.squashfs')];
    expect((await run('tar', '-tJf', metadata)).trimEnd().split('\n')).toEqual([
      'metadata.yaml',
      'templates/hostname.tpl',
      'templates/interfaces.tpl',
    ]);
    const both = createHash('sha256').update(readFileSync(metadata)).update(readFileSync(data)).digest('hex');
    expect(files.find(({ path: name }) => name.endsWith('.incus.tar.xz'))?.fingerprint).toBe(both);
    const one = files.find(({ path: name }) => name.endsWith('.incus.tar.gz'));
    expect(one?.fingerprint).toBe(one?.sha256);
    const handover = files.find(({ path: name }) => name.endsWith('.handover.md'))?.path ?? '';
    const text = readFileSync(path.join(top, 'out', handover), 'utf8');
    expect(text).toContain(both);
    expect(text).toContain(`incus image import ${path.basename(metadata)} ${path.basename(data)} --alias ${PROFILE}`);
  });
});

describe('looking into them', () => {
  it('finds no fault, and no difference from the template', async () => {
    const suffixes = ['.squashfs', '.erofs', '.dir', '.oci.tar', '.incus.tar.gz', '.incus.tar.xz'];
    const verified = await imgbuild(['verify', '--json', ...suffixes.map(file)], { env: buildEnv() });
    expect(verified.code, verified.stdout + verified.stderr).toBe(0);
    const worse = (JSON.parse(verified.stdout) as { images: { findings: { id: string; severity: string }[] }[] }).images
      .flatMap(({ findings }) => findings)
      .filter(({ severity }) => severity === 'error');
    expect(worse).toEqual([]);
    // The listings above have compared all of them.
    for (const suffix of ['.squashfs', '.oci.tar']) {
      const { code, stdout, stderr } = await imgbuild(['diff', '--exit-code', template, file(suffix)], {
        env: buildEnv(),
      });
      expect(code, `${suffix}\n${stdout}${stderr}`).toBe(0);
    }
  });
});

describe('a second build', () => {
  it('writes the same bytes', async () => {
    const again = path.join(top, 'again');
    const argv = [PROFILE, '--format', 'squashfs,oci.tar', '--output', again];
    const second = (await build(argv)).results[0]?.files ?? [];
    for (const suffix of ['.squashfs', '.oci.tar']) {
      const hash = (list: readonly File[]): string | undefined =>
        list.find(({ path: name }) => name.endsWith(suffix) && !name.endsWith('.incus.squashfs'))?.sha256;
      expect(hash(second), suffix).toBe(hash(files));
    }
  });
});
