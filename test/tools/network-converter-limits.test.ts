import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCommand } from '../support/cli.js';
import { convert, convertIn, MARK, SCRIPT } from '../support/network.js';
import { addFiles, tree } from '../support/tree.js';

describe('what cannot be translated', () => {
  it.each([
    [
      'a command',
      'auto eth0\niface eth0 inet dhcp\n post-up echo hello\n',
      'not translated (iface eth0): post-up echo hello',
    ],
    [
      'a route of another device',
      'auto eth0\niface eth0 inet dhcp\n up ip route add 10.0.0.0/8 dev eth1\n',
      'not translated (iface eth0): up ip route add 10.0.0.0/8 dev eth1',
    ],
    [
      'a bridge',
      'auto eth0\niface eth0 inet dhcp\n bridge_ports eth1\n',
      'not translated (iface eth0): bridge_ports eth1',
    ],
    ['a method', 'auto eth0\niface eth0 inet ppp\n', 'not translated: iface eth0 inet ppp'],
    ['a mapping', 'mapping eth0\n script x\nauto eth0\niface eth0 inet dhcp\n', 'not translated: mapping eth0'],
    [
      'an address that is none',
      'auto eth0\niface eth0 inet static\n address 10.0.0.500/24\n',
      'iface eth0: 10.0.0.500/24 is not an address',
    ],
    [
      'an address of the other family',
      'auto eth0\niface eth0 inet static\n address fd00::1/64\n',
      'iface eth0: fd00::1/64 is not an address',
    ],
    [
      'a netmask with holes',
      'auto eth0\niface eth0 inet static\n address 10.0.0.5\n netmask 255.0.255.0\n',
      'iface eth0: 10.0.0.5 is not an address',
    ],
    [
      'a gateway that is none',
      'auto eth0\niface eth0 inet static\n address 10.0.0.5/8\n gateway x\n',
      'iface eth0: x is not an address',
    ],
    ['nonsense', 'hello world\nauto eth0\niface eth0 inet dhcp\n', 'not understood: hello world'],
  ])('%s is named, and the rest is done', async (_, interfaces, warning) => {
    const { code, warnings, files } = await convert(interfaces);
    expect({ code, warnings }).toEqual({ code: 0, warnings: [warning] });
    expect(Object.keys(files)).toEqual(['eth0']);
  });

  it('leaves alone what does not start by itself', async () => {
    const { warnings, files } = await convert('iface eth0 inet dhcp\n');
    expect(warnings).toEqual(['iface eth0 is neither auto nor allow-hotplug: left alone']);
    expect(files).toEqual({});
  });

  it('keeps to its directory', async () => {
    const { warnings, files } = await convert('auto ../x\niface ../x inet dhcp\n');
    expect(warnings).toEqual(['not the name of an interface: ../x']);
    expect(files).toEqual({});
  });
});

describe('its files', () => {
  it('follow the input: changed, removed, and not touched when nothing changed', async () => {
    const root = tree({ 'network/interfaces': 'auto eth0 eth1\niface eth0 inet dhcp\niface eth1 inet dhcp\n' });
    expect(Object.keys((await convertIn(root)).files)).toEqual(['eth0', 'eth1']);
    const file = path.join(root, 'out/10-eth0.network');
    expect(statSync(file).mode & 0o777).toBe(0o644);
    const before = statSync(file, { bigint: true }).ctimeNs;
    await convertIn(root);
    expect(statSync(file, { bigint: true }).ctimeNs).toBe(before);
    addFiles(root, { 'network/interfaces': 'auto eth0\niface eth0 inet static\n address 10.0.0.5/24\n' });
    const { files } = await convertIn(root);
    expect(Object.keys(files)).toEqual(['eth0']);
    expect(files['eth0']).toContain('[Address] Address=10.0.0.5/24');
  });

  it('never are those of others', async () => {
    const root = tree({
      'network/interfaces': 'auto eth0\niface eth0 inet dhcp\n',
      'out/10-eth0.network': `${MARK.replace('imgbuild-', '')}\n`,
      'out/20-mine.network': '[Match]\nName=eth9\n',
    });
    const outcome = await runCommand(['perl', SCRIPT, path.join(root, 'network/interfaces'), path.join(root, 'out')]);
    expect(outcome.stderr).toContain('10-eth0.network is not ours: left alone');
    expect(readFileSync(path.join(root, 'out/20-mine.network'), 'utf8')).toBe('[Match]\nName=eth9\n');
    expect(readFileSync(path.join(root, 'out/10-eth0.network'), 'utf8')).not.toContain('DHCP');
  });

  it('stay when there is no input', async () => {
    const root = tree({ 'out/10-eth0.network': `${MARK}\n` });
    expect((await convertIn(root)).code).toBe(0);
    expect(existsSync(path.join(root, 'out/10-eth0.network'))).toBe(true);
  });

  it('must be writable', async () => {
    const root = tree({ 'network/interfaces': 'auto eth0\niface eth0 inet dhcp\n', out: 'a file' });
    const outcome = await runCommand(['perl', SCRIPT, path.join(root, 'network/interfaces'), path.join(root, 'out')]);
    expect(outcome.code).not.toBe(0);
    expect(outcome.stderr).toContain('cannot make');
  });
});
