import { describe, expect, it } from 'vitest';
import { gunzipSync } from 'node:zlib';
import { lastLines, plain, SILENT, watch } from '../../src/verify/boot-console.js';
import { bootFindings } from '../../src/verify/boot-findings.js';
import { BOOT_RULES } from '../../src/verify/boot-rules.js';
import { bootLines } from '../../src/verify/boot-text.js';
import type { BootReport, BootRun } from '../../src/verify/boot-types.js';
import { machineFacts, type Identity, type MachineFacts } from '../../src/verify/probe-facts.js';
import { withKernelParameters } from '../../src/verify/probe-inject.js';
import { parseAnswers, probeScript, typedScript } from '../../src/verify/probe-script.js';
import { hasPrompt } from '../../src/verify/probe-shell.js';

describe('the serial console', () => {
  it('shows a login prompt, which is remembered with its time', () => {
    let state = watch(SILENT, 'Debian GNU/Linux 12 vm ttyS0\r\n\r\nvm lo', 10);
    expect(state.login).toBeUndefined();
    state = watch(state, 'gin: ', 12);
    state = watch(state, '\r\n[  30.0] something later\r\n', 20);
    expect(state.login).toBe(12);
  });

  it.each([
    ['BdsDxe: starting Boot0002\r\nUEFI Interactive Shell v2.2\r\n', 'the firmware finds nothing to start'],
    ['SeaBIOS\r\nBoot failed: not a bootable disk\r\n', 'the firmware finds nothing to start'],
    ['error: no such device: 1-2.\r\nEntering rescue mode...\r\ngrub rescue> ', 'GRUB does not find its configuration'],
    ['   Minimal BASH-like line editing\r\n\r\ngrub> ', 'GRUB does not find its configuration'],
    [
      "error: file `/boot/vmlinuz' not found.\r\nerror: you need to load the kernel first.\r\n",
      'what its configuration names',
    ],
    ['[ 1.2] Kernel panic - not syncing: VFS: Unable to mount root fs', 'the kernel panics'],
    ['ALERT!  UUID=1 does not exist.  Dropping to a shell!\r\n(initramfs) ', 'the initramfs does not find'],
    ['You are in emergency mode. After logging in, type', 'systemd ends in emergency mode'],
    ['Verification failed: (0x1A) Security Violation', 'the firmware refuses'],
  ])('shows trouble: %j', (text, what) => {
    // In two parts, as it may come.
    const [half] = [Math.floor(text.length / 2)];
    const state = watch(watch(SILENT, text.slice(0, half), 1), text.slice(half), 2);
    expect(state.trouble?.what).toContain(what);
  });

  it('shows no trouble in an ordinary boot', () => {
    const text =
      'BdsDxe: starting Boot0001 "UEFI Misc Device"\r\nerror: no suitable video mode found.\r\nBooting in blind mode\r\n' +
      'Welcome to GRUB!\r\n[    0.0] Linux version 6.1\r\n[  OK  ] Reached target Multi-User System.\r\nvm login: ';
    expect(watch(SILENT, text, 1)).toMatchObject({ login: 1 });
    expect(watch(SILENT, text, 1).trouble).toBeUndefined();
  });

  it('is read without the sequences that paint it', () => {
    expect(plain('\x1b[2J\x1b[01;01H\x1b[=3h\x1b[0m\x1b[37mA\x1b[0;32m  OK  \x1b[0m\r\n\x1b]0;title\x07B')).toBe(
      'A  OK  \nB',
    );
    expect(lastLines(watch(SILENT, 'a\r\n\r\nb\r\n\r\nc\r\n', 1), 2)).toEqual(['b', 'c']);
  });
});

describe('the shell on the second serial port', () => {
  it.each(['\x1b[?2004hroot@vm:/# ', '\r\n# ', 'root@vm:/# ', 'booting\r\n\x1b[?2004hroot@(none):/# '])(
    'is seen by its prompt: %j',
    (text) => {
      expect(hasPrompt(text)).toBe(true);
    },
  );

  it.each(['Welcome to GRUB!\r\n', "  Booting `Debian #1'\r\n", 'root@vm:/# systemctl', 'BdsDxe: # of '])(
    'is not seen in %j',
    (text) => {
      expect(hasPrompt(text)).toBe(false);
    },
  );

  it('takes the script in lines that a terminal does not cut', () => {
    const script = probeScript();
    const lines = typedScript(script);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(200);
    const from = lines.findIndex((line) => line.includes('base64'));
    const encoded = lines.slice(from + 1, lines.indexOf('END')).join('');
    expect(gunzipSync(Buffer.from(encoded, 'base64')).toString()).toBe(script);
  });

  it('is answered in sections, whatever stands between them', () => {
    const text =
      'noise\r\n@@imgbuild begin state\r\ndegraded\r\n\r\n@@imgbuild end state\r\n[ 12.3] kernel says\r\n' +
      '@@imgbuild begin failed\r\na.service\r\nb.service\r\n\r\n@@imgbuild end failed\r\n@@imgbuild begin evil\r\nx\r\n' +
      '@@imgbuild end evil\r\n@@imgbuild begin kernel\r\ncut off';
    expect(parseAnswers(text)).toEqual({ state: 'degraded', failed: 'a.service\nb.service' });
  });
});

describe('kernel parameters', () => {
  it('are added to every kernel of a grub.cfg, and to nothing else', () => {
    const config = `set default=0
menuentry 'Debian' {
\tlinux\t/boot/vmlinuz-6.1 root=UUID=1 ro  quiet
\tinitrd\t/boot/initrd.img-6.1
\techo 'Loading linux …'
}
    linuxefi /vmlinuz a   `;
    expect(withKernelParameters(config, 'x=1')).toBe(`set default=0
menuentry 'Debian' {
\tlinux\t/boot/vmlinuz-6.1 root=UUID=1 ro  quiet x=1
\tinitrd\t/boot/initrd.img-6.1
\techo 'Loading linux …'
}
    linuxefi /vmlinuz a x=1`);
  });
});

const ANSWERS = {
  state: 'degraded',
  failed: 'ssh.service',
  why: 'ssh.service Failed to start\nother.service no',
  undone:
    '{"UNIT":"srv.mount","MESSAGE":"Dependency failed for /srv."}\n{"MESSAGE":"spoiled"}\n' +
    '{"UNIT":"local-fs.target","MESSAGE":"Dependency failed for Local File Systems."}',
  waiting: '',
  time: 'Startup finished in 2s (kernel) + 3s (userspace) = 5s\ngraphical.target reached',
  blame: '1min 2.500s slow.service\n 800ms quick.service',
  release: 'Debian GNU/Linux 12 (bookworm)',
  kernel: '6.1.0-50-amd64',
  cmdline: 'BOOT_IMAGE=/boot/vmlinuz root=UUID=1 ro firstboot=1',
  secureboot: '   6   0   0   0   1',
  firmware: 'uefi',
  address: JSON.stringify([
    { ifname: 'lo', addr_info: [{ local: '127.0.0.1', prefixlen: 8, scope: 'host' }] },
    {
      ifname: 'eth0',
      addr_info: [
        { local: '10.0.2.15', prefixlen: 24, scope: 'global' },
        { local: 'fe80::1', prefixlen: 64, scope: 'link' },
      ],
    },
  ]),
  route: '[{"dst":"default","gateway":"10.0.2.2"}]',
  root: '{"filesystems":[{"source":"/dev/sda2","fstype":"ext4","options":"rw","size":"1000","avail":500}]}',
  blocks: JSON.stringify({
    blockdevices: [
      {
        name: 'sda',
        type: 'disk',
        size: 3000,
        fstype: null,
        uuid: null,
        partuuid: null,
        ptuuid: 'AA-1',
        mountpoint: null,
        children: [
          {
            name: 'sda1',
            type: 'part',
            size: 500,
            fstype: 'vfat',
            uuid: '12-34',
            partuuid: 'p1',
            ptuuid: 'AA-1',
            mountpoint: null,
          },
          {
            name: 'sda2',
            type: 'part',
            size: 1500,
            fstype: 'ext4',
            uuid: 'u2',
            partuuid: 'p2',
            ptuuid: 'AA-1',
            mountpoint: '/',
          },
          {
            name: 'sda3',
            type: 'part',
            size: 100,
            fstype: 'swap',
            uuid: 'u3',
            partuuid: 'p3',
            ptuuid: 'AA-1',
            mountpoint: '[SWAP]',
          },
        ],
      },
    ],
  }),
  machine: 'abc',
  hostname: 'vm',
  hostkeys: '256 SHA256:xyz root@vm (ED25519)\n3072 SHA256:rsa no comment (RSA)',
  sshd: 'failed\ninactive',
  firstboot: 'first-boot-complete.target loaded active active First Boot Complete',
  journal:
    '{"MESSAGE":"bad","_SYSTEMD_UNIT":"a.service"}\n{"MESSAGE":"bad","_SYSTEMD_UNIT":"a.service"}\n{"MESSAGE":[1,2]}\nspoiled',
};

describe('what a machine tells', () => {
  const facts = machineFacts(ANSWERS);

  it('is read', () => {
    expect(facts).toMatchObject({
      state: 'degraded',
      secureBoot: true,
      failedUnits: [{ unit: 'ssh.service', log: ['Failed to start'] }],
      undone: [
        { unit: 'srv.mount', message: 'Dependency failed for /srv.' },
        { unit: 'local-fs.target', message: 'Dependency failed for Local File Systems.' },
      ],
      slowest: [
        { unit: 'slow.service', seconds: 62.5 },
        { unit: 'quick.service', seconds: 0.8 },
      ],
      interfaces: [{ name: 'eth0', addresses: ['10.0.2.15/24'] }],
      defaultRoute: true,
      root: { source: '/dev/sda2', format: 'ext4', bytes: 1000, free: 500 },
      disk: { bytes: 3000, unpartitioned: 900 },
      firstBootFlag: true,
      journal: [{ source: 'a.service', message: 'bad', times: 2 }],
    });
    expect(facts.identities.map(({ kind, value }) => `${kind} ${value}`)).toEqual([
      'machine-id abc',
      'host key SHA256:xyz',
      'host key SHA256:rsa',
      'disk AA-1',
      'partition p1',
      'file system 12-34',
      'partition p2',
      'file system u2',
      'partition p3',
      'swap u3',
    ]);
  });

  it('may be nothing', () => {
    expect(machineFacts({})).toMatchObject({ state: '', identities: [], failedUnits: [], disk: undefined });
    expect(machineFacts({}).secureBoot).toBeUndefined();
    expect(machineFacts({ secureboot: 'Secure boot disabled' }).secureBoot).toBe(false);
  });
});

/** A machine without fault, whose identities end in this. */
function machine(own: string, changes: Partial<MachineFacts> = {}): MachineFacts {
  const identities: Identity[] = [
    { kind: 'machine-id', of: '', value: `m${own}` },
    { kind: 'host key', of: 'ED25519', value: `k${own}` },
    { kind: 'disk', of: 'sda', value: `d${own}` },
    { kind: 'file system', of: 'sda2', value: `f${own}` },
  ];
  return {
    ...machineFacts({ ...ANSWERS, firstboot: '' }),
    firstBootFlag: false,
    journal: [],
    failedUnits: [],
    undone: [],
    state: 'running',
    identities,
    disk: { bytes: 3 * 2 ** 30, unpartitioned: 2 ** 20 },
    ...changes,
  };
}

function boot(name: BootRun['name'], facts: MachineFacts, changes: Partial<BootRun> = {}): BootRun {
  const seconds = { login: 20, booted: 25, powerOff: 3 };
  return { name, seconds, powerOffBy: 'command', restarts: 0, facts, console: ['vm login:'], ...changes };
}

function report(boots: readonly BootRun[], changes: Partial<BootReport> = {}): Omit<BootReport, 'findings'> {
  return {
    images: ['vm.qcow2'],
    accelerator: 'tcg',
    firmware: 'uefi',
    secureBoot: false,
    bus: 'virtio-scsi',
    nic: 'virtio-net-pci',
    disk: { image: 2 * 2 ** 30, machine: 3 * 2 ** 30 },
    boots,
    ...changes,
  };
}

const GOOD = [boot('first', machine('1')), boot('second', machine('1')), boot('other', machine('2'))] as const;

/** Ids of what is found when one of the good boots is changed. */
function found(which: 0 | 1 | 2, changes: Partial<BootRun>, more: Partial<BootReport> = {}): string[] {
  const boots = GOOD.map((good, n) => (n === which ? { ...good, ...changes } : good));
  return bootFindings(report(boots, more)).map(({ id, severity }) => `${id} ${severity}`);
}

describe('the findings of a boot', () => {
  it('are none for a good machine', () => {
    expect(bootFindings(report(GOOD))).toEqual([]);
  });

  it.each([
    ['BOOT-001 error', 0, { trouble: { what: 'w', hint: 'h' }, seconds: {} }],
    ['BOOT-001 error', 1, { trouble: { what: 'GRUB does not find its configuration', hint: 'h' }, seconds: {} }],
    ['BOOT-002 error', 2, { seconds: { login: 3 } }],
    ['BOOT-003 error', 0, { facts: machine('1', { failedUnits: [{ unit: 'ssh.service', log: ['why'] }] }) }],
    ['BOOT-004 warning', 0, { facts: machine('1', { disk: { bytes: 3 * 2 ** 30, unpartitioned: 2 ** 30 } }) }],
    ['BOOT-007 warning', 0, { facts: machine('1', { interfaces: [] }) }],
    ['BOOT-007 warning', 0, { facts: machine('1', { interfaces: [{ name: 'eth0', addresses: [] }] }) }],
    ['BOOT-008 info', 0, { facts: machine('1', { journal: [{ source: 'a', message: 'b', times: 2 }] }) }],
    ['BOOT-009 warning', 1, { powerOffBy: 'button', seconds: { login: 1, booted: 2 } }],
    ['BOOT-011 warning', 0, { restarts: 1 }],
    ['BOOT-013 warning', 1, { facts: machine('1', { firstBootFlag: true }) }],
    ['BOOT-013 warning', 1, { facts: machine('1', { firstBootUnits: ['firstboot.service loaded failed failed x'] }) }],
    ['BOOT-014 info', 0, { seconds: { booted: 5, powerOff: 1 } }],
  ] as const)('%s', (expected, which, changes) => {
    expect(found(which, changes)).toEqual([expected]);
  });

  it('tell what an emergency comes from, and leave alone what a machine did well without', () => {
    const trouble = { what: 'systemd ends in emergency mode', hint: 'h' };
    const facts = machine('1', { undone: machineFacts(ANSWERS).undone });
    expect(found(0, { facts })).toEqual([]);
    const boots = [{ ...GOOD[0], facts, seconds: {}, trouble }, GOOD[1], GOOD[2]];
    expect(bootFindings(report(boots)).map(({ id, message }) => `${id} ${message}`)).toEqual([
      'BOOT-001 systemd ends in emergency mode',
      'BOOT-003 srv.mount was not started: Dependency failed for /srv.',
    ]);
  });

  it('tell the machine that could not be asked', () => {
    const { name, seconds, powerOffBy, restarts, console } = GOOD[0];
    const boots = [{ name, seconds, powerOffBy, restarts, console, unasked: 'no shell' }, GOOD[1], GOOD[2]];
    expect(bootFindings(report(boots)).map(({ id }) => id)).toEqual(['BOOT-010']);
  });

  it('tell Secure Boot that is off, and are silent where nobody knows', () => {
    const off = { facts: machine('1', { secureBoot: false }) };
    expect(found(0, off, { secureBoot: true })).toEqual(['BOOT-012 error']);
    expect(found(0, off)).toEqual([]);
    expect(found(0, { facts: machine('1', { secureBoot: undefined }) }, { secureBoot: true })).toEqual([]);
  });

  it('tell what two machines have in common: errors for keys, warnings for file systems', () => {
    expect(found(2, { facts: machine('1') })).toEqual([
      'BOOT-005 error',
      'BOOT-005 error',
      'BOOT-005 warning',
      'BOOT-005 warning',
    ]);
  });

  it('tell identities that do not last', () => {
    expect(found(1, { facts: machine('3') })).toEqual(Array.from({ length: 4 }, () => 'BOOT-006 error'));
  });

  it('do not ask for growth where the disk is no larger than the image', () => {
    const facts = machine('1', { disk: { bytes: 3 * 2 ** 30, unpartitioned: 2 ** 30 } });
    expect(found(0, { facts }, { disk: { image: 2 ** 30, machine: 2 ** 30 } })).toEqual([]);
  });

  it('name the unit and its last words', () => {
    const [finding] = bootFindings(
      report([boot('first', machine('1', { failedUnits: [{ unit: 'srv.mount', log: ['no such device'] }] }))]),
    );
    expect(finding?.message).toBe('srv.mount failed: no such device');
    expect(finding?.where).toBe('first boot');
  });

  it('have an explanation each', () => {
    expect(BOOT_RULES).toHaveLength(14);
  });
});

describe('the report as text', () => {
  it('tells times, the slowest units, root and network', () => {
    const text = bootLines({ ...report(GOOD), findings: [] }).join('\n');
    expect(text).toContain('UEFI, virtio-scsi, virtio-net-pci, emulated');
    expect(text).toContain('first boot: login 20.0 s, finished 25.0 s, off in 3.0 s');
    expect(text).toContain('1 min 03 s slow.service');
    expect(text).toContain('root /dev/sda2, ext4, 1000 B, 500 B free');
    expect(text).toContain('network eth0 10.0.2.15/24');
  });

  it('tells a boot that did not come to its end', () => {
    const broken = { ...report([{ ...GOOD[0], seconds: {} }]), findings: [] };
    expect(bootLines(broken).join('\n')).toContain('first boot: did not come to its end');
  });
});
