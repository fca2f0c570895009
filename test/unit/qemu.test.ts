import { describe, expect, it } from 'vitest';
import { untilEscape } from '../../src/commands/boot-terminal.js';
import { containerOptions } from '../../src/host/launch-container.js';
import { blockName, blockRange, BUSES, qemuArguments, type MachineSpec } from '../../src/verify/qemu-arguments.js';
import { HEAD_BYTES, ovfDisks, recognise, TAIL_BYTES, tarMember } from '../../src/verify/qemu-format.js';
import { hardwareOf } from '../../src/verify/qemu-machine.js';
import { espOf, firmwareOf, readTable, TABLE_BYTES } from '../../src/verify/qemu-partitions.js';

const MACHINE: MachineSpec = {
  architecture: 'amd64',
  accelerator: 'tcg',
  cpus: 2,
  memoryMiB: 2048,
  firmware: { type: 'uefi', code: '/f/code.fd', vars: '/w/vars.fd', secureBoot: false },
  disks: [{ format: 'qcow2', file: '/w/disk0.qcow2' }],
  bus: 'virtio-scsi',
  nic: 'virtio-net-pci',
  network: { type: 'none' },
  monitor: '/w/monitor',
};

/** Values of an option that may stand several times. */
function values(machine: MachineSpec, option: string): string[] {
  const argv = qemuArguments(machine);
  return argv.flatMap((word, n) => (word === option ? [argv[n + 1] ?? ''] : []));
}

describe('the command line of QEMU', () => {
  it('is that of an emulated machine with UEFI', () => {
    expect(values(MACHINE, '-machine')).toEqual(['q35']);
    expect(values(MACHINE, '-accel')).toEqual(['tcg,thread=multi']);
    expect(values(MACHINE, '-cpu')).toEqual(['max,-la57']);
    expect(values(MACHINE, '-m')).toEqual(['2048M']);
    expect(values(MACHINE, '-drive')).toEqual([
      'if=pflash,format=raw,readonly=on,file=/f/code.fd',
      'if=pflash,format=raw,file=/w/vars.fd',
    ]);
    expect(values(MACHINE, '-serial')).toEqual(['chardev:console']);
    expect(values(MACHINE, '-netdev')).toEqual([]);
  });

  it('lets time pass by instructions where that is asked for, which only an emulated machine can', () => {
    const machine: MachineSpec = { ...MACHINE, steadyClock: true };
    expect([...values(machine, '-accel'), ...values(machine, '-icount')]).toEqual(['tcg,thread=single', 'shift=2']);
    expect(values({ ...machine, accelerator: 'kvm' }, '-icount')).toEqual([]);
  });

  it('protects the variables when Secure Boot is on', () => {
    const secure = { ...MACHINE, firmware: { ...MACHINE.firmware, secureBoot: true } } as MachineSpec;
    expect(values(secure, '-machine')).toEqual(['q35,smm=on']);
    expect(values(secure, '-global')).toEqual(['driver=cfi.pflash01,property=secure,value=on']);
  });

  it('has the TPM of its architecture', () => {
    const machine: MachineSpec = { ...MACHINE, tpm: '/w/a,b/tpm' };
    expect(values(machine, '-chardev')).toContain('socket,id=tpm,path=/w/a,,b/tpm');
    expect(values(machine, '-tpmdev')).toEqual(['emulator,id=tpm0,chardev=tpm']);
    expect(values(machine, '-device')).toContain('tpm-tis,tpmdev=tpm0');
    expect(values({ ...machine, architecture: 'arm64' }, '-device')).toContain('tpm-tis-device,tpmdev=tpm0');
    expect(values(MACHINE, '-tpmdev')).toEqual([]);
  });

  it('leaves a BIOS to QEMU, and takes the host’s processor with KVM', () => {
    const machine: MachineSpec = { ...MACHINE, firmware: { type: 'bios' }, accelerator: 'kvm' };
    expect(values(machine, '-drive')).toEqual([]);
    expect(values(machine, '-cpu')).toEqual(['host']);
  });

  it('is that of an emulated machine for arm64, whose firmware needs no variables', () => {
    const firmware = { type: 'uefi', code: '/f/arm.fd', secureBoot: false } as const;
    const machine: MachineSpec = { ...MACHINE, architecture: 'arm64', firmware, bus: 'ahci' };
    expect(qemuArguments(machine)[0]).toBe('qemu-system-aarch64');
    expect(qemuArguments(MACHINE)[0]).toBe('qemu-system-x86_64');
    expect(values(machine, '-machine')).toEqual(['virt,gic-version=max']);
    expect(values(machine, '-cpu')).toEqual(['cortex-a72']);
    expect([...values(machine, '-bios'), ...values(machine, '-drive')]).toEqual(['/f/arm.fd']);
    // A PC has a controller for disks by itself.
    expect(values(machine, '-device')[0]).toBe('ich9-ahci,id=ide');
    expect(values({ ...machine, accelerator: 'kvm' }, '-cpu')).toEqual(['host']);
  });

  it.each(BUSES)('attaches two disks to %s, the first to boot from', (bus) => {
    const disks = [...MACHINE.disks, { format: 'raw', file: '/w/swap.raw' } as const];
    const devices = values({ ...MACHINE, bus, disks }, '-device');
    expect(devices.filter((device) => device.includes('drive=disk0,bootindex=0'))).toHaveLength(1);
    expect(devices.filter((device) => device.includes('drive=disk1,bootindex=1'))).toHaveLength(1);
  });

  it('writes through to disks that stay, whose overlays lie on the images that are there now', () => {
    const below = { format: 'vhdx', file: '/i/vm.vhdx' } as const;
    const disks = MACHINE.disks.map((disk) => ({ ...disk, below }));
    const [thrown, kept] = [false, true].map((lasting) => values({ ...MACHINE, disks, lasting }, '-blockdev')[0]);
    expect(JSON.parse(thrown ?? '')).toMatchObject({ driver: 'qcow2', cache: { 'no-flush': true } });
    expect(JSON.parse(kept ?? '')).toMatchObject({
      cache: { 'no-flush': false },
      backing: { driver: 'vhdx', file: { driver: 'file', filename: '/i/vm.vhdx' } },
    });
  });

  it('gives a closed network no way out, and a card no boot ROM', () => {
    expect(values({ ...MACHINE, network: { type: 'closed' } }, '-netdev')).toEqual(['user,id=net0,restrict=on']);
    expect(values({ ...MACHINE, network: { type: 'closed' } }, '-device')).toContain(
      'virtio-net-pci,netdev=net0,romfile=',
    );
  });

  it('leads a port of one address to SSH', () => {
    const open: MachineSpec = { ...MACHINE, network: { type: 'open', ssh: { address: '127.0.0.1', port: 2222 } } };
    expect(values(open, '-netdev')).toEqual(['user,id=net0,hostfwd=tcp:127.0.0.1:2222-:22']);
  });

  it('gives the probe the second serial port', () => {
    const machine: MachineSpec = { ...MACHINE, probe: '/w/a,b', oemStrings: ['x=a,b'] };
    expect(values(machine, '-serial')).toEqual(['chardev:console', 'chardev:probe']);
    expect(values(machine, '-chardev')).toContain('socket,id=probe,path=/w/a,,b');
    expect(values(machine, '-smbios')).toEqual(['type=11,value=x=a,,b']);
  });

  it('reads a disk where it lies in an archive', () => {
    const source = { format: 'vmdk', file: '/i/vm.ova', part: { offset: 1024, bytes: 4096 } } as const;
    const file = { driver: 'raw', offset: 1024, size: 4096, file: { driver: 'file', filename: '/i/vm.ova' } };
    expect(JSON.parse(blockName(source).slice('json:'.length))).toEqual({ driver: 'vmdk', file });
    expect(JSON.parse(blockRange(source, 0, 512).slice('json:'.length))).toEqual({
      driver: 'raw',
      offset: 0,
      size: 512,
      file: { driver: 'vmdk', file },
    });
  });
});

describe('what a file is', () => {
  const told = (head: Buffer, tail: Buffer = Buffer.alloc(TAIL_BYTES)): unknown => recognise(head, tail);
  const head = (magic: string, at = 0) => {
    const bytes = Buffer.alloc(HEAD_BYTES);
    bytes.write(magic, at, 'latin1');
    return bytes;
  };

  it('is told by its content', () => {
    expect(told(head('QFI\xfb'))).toEqual({ kind: 'disk', format: 'qcow2' });
    expect(told(head('vhdxfile'))).toEqual({ kind: 'disk', format: 'vhdx' });
    expect(told(head('KDMV'))).toEqual({ kind: 'disk', format: 'vmdk' });
    expect(told(head('conectix'))).toEqual({ kind: 'disk', format: 'vpc' });
    expect(told(head('\x55\xaa', 510))).toEqual({ kind: 'disk', format: 'raw' });
    expect(told(head('\x55\xaa', 510), head('conectix').subarray(0, TAIL_BYTES))).toEqual({
      kind: 'disk',
      format: 'vpc',
    });
    expect(told(head('\x28\xb5\x2f\xfd'))).toEqual({ kind: 'zstd' });
    expect(told(head('ustar', 257))).toEqual({ kind: 'tar' });
  });

  it('is refused with what to do when it is no disk', () => {
    for (const magic of ['\x1f\x8b', '\xfd7zXZ', 'LUKS\xba\xbe', '# Disk DescriptorFile', 'hello']) {
      expect(told(head(magic))).toMatchObject({ kind: 'other', hint: expect.stringMatching(/\w/) as string });
    }
  });

  it('is refused when it needs another file', () => {
    const overlay = head('QFI\xfb');
    overlay.writeBigUInt64BE(104n, 8);
    expect(told(overlay)).toMatchObject({ kind: 'other', what: 'a qcow2 image that needs a backing file' });
  });

  it('decides which hardware it gets', () => {
    expect(hardwareOf({ origin: 'ova' })).toEqual({ bus: 'ahci', nic: 'vmxnet3' });
    expect(hardwareOf({ origin: 'vhdx' }).bus).toBe('ahci');
    expect(hardwareOf({ origin: 'raw.zst' }).bus).toBe('virtio-scsi');
  });
});

describe('an OVA', () => {
  const header = (name: string, size: string | Buffer): Buffer => {
    const bytes = Buffer.alloc(512);
    bytes.write(name, 0);
    if (typeof size === 'string') bytes.write(size, 124);
    else size.copy(bytes, 124);
    bytes.write('0', 156);
    return bytes;
  };

  it('has its members where their headers say', () => {
    expect(tarMember(header('vm.ovf', '00000001001\0'), 0)).toMatchObject({
      name: 'vm.ovf',
      offset: 512,
      bytes: 513,
      next: 512 + 1024,
    });
    expect(tarMember(Buffer.alloc(512), 512)).toBeUndefined();
  });

  it('may have members of more than 8 GiB', () => {
    const size = Buffer.alloc(12);
    size.writeBigUInt64BE(9n * 2n ** 30n, 4);
    size[0] = 0x80;
    expect(tarMember(header('vm.vmdk', size), 0)?.bytes).toBe(9 * 2 ** 30);
  });

  it('names its disks in the order of the machine', () => {
    const ovf = `<Envelope xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"><References>
      <File ovf:href="swap.vmdk" ovf:id="file2"/><File ovf:id="file1" ovf:href="disk.vmdk" ovf:size="3"/></References>
      <DiskSection><Info>Disks</Info><Disk ovf:diskId="a" ovf:fileRef="file1"/><Disk ovf:fileRef="file2"/></DiskSection>
      </Envelope>`;
    expect(ovfDisks(ovf)).toEqual(['disk.vmdk', 'swap.vmdk']);
    expect(() => ovfDisks('<Envelope/>')).toThrow('names no disk');
  });
});

describe('the partition table', () => {
  const ESP = '28732ac11ff8d211ba4b00a0c93ec93b';
  const BIOS = '4861682149646f6e744e656564454649';
  const disk = (...types: string[]): Buffer => {
    const bytes = Buffer.alloc(TABLE_BYTES);
    bytes.writeUInt16LE(0xaa55, 510);
    bytes.write('EFI PART', 512);
    bytes.writeBigUInt64LE(2n, 512 + 72);
    bytes.writeUInt32LE(128, 512 + 80);
    bytes.writeUInt32LE(128, 512 + 84);
    types.forEach((type, n) => {
      const at = 1024 + n * 128;
      Buffer.from(type, 'hex').copy(bytes, at);
      bytes.writeBigUInt64LE(BigInt(2048 * (n + 1)), at + 32);
      bytes.writeBigUInt64LE(BigInt(2048 * (n + 2) - 1), at + 40);
    });
    return bytes;
  };

  it('shows the firmware that the disk is made for', () => {
    expect(firmwareOf(readTable(disk(ESP)))).toBe('uefi');
    expect(firmwareOf(readTable(disk(ESP, BIOS)))).toBe('uefi');
    expect(firmwareOf(readTable(disk('01'.repeat(16))))).toBeUndefined();
    const coded = Buffer.alloc(TABLE_BYTES);
    coded[0] = 0xeb;
    expect(firmwareOf(readTable(coded))).toBe('bios');
  });

  it('has partitions with their places', () => {
    const table = readTable(disk('01'.repeat(16), ESP));
    expect(espOf(table)).toMatchObject({ number: 2, start: 2 * 2 ** 20, bytes: 2 ** 20 });
  });

  it('may be an MBR', () => {
    const bytes = Buffer.alloc(TABLE_BYTES);
    bytes[446 + 4] = 0xef;
    bytes.writeUInt32LE(2048, 446 + 8);
    bytes.writeUInt32LE(4096, 446 + 12);
    expect(readTable(bytes).partitions).toEqual([{ number: 1, type: 'ef', start: 2 ** 20, bytes: 2 ** 21 }]);
    expect(readTable(bytes).bytes).toBe(3 * 2 ** 20);
    const code = Buffer.from(bytes);
    code.write('not a bootable disk', 446 + 32, 'latin1');
    expect(readTable(code)).toMatchObject({ partitions: [], bytes: 0 });
    expect(firmwareOf(readTable(bytes))).toBe('uefi');
  });
});

describe('the key that ends a machine', () => {
  it('is kept from it, and what comes before is not', () => {
    expect(untilEscape(Buffer.from('ls\x03\r'))).toEqual({ pass: Buffer.from('ls\x03\r'), escaped: false });
    expect(untilEscape(Buffer.from('a\x1db'))).toEqual({ pass: Buffer.from('a'), escaped: true });
  });
});

describe('a container for a machine', () => {
  const builder = { kind: 'image', image: 'i', digest: 'd', engine: { name: 'docker' } } as Parameters<
    typeof containerOptions
  >[0];
  const session = { id: 'x', argv: ['a'], mounts: [], env: {}, onOutput: () => undefined, onError: () => undefined };

  it('has the devices and ports that it was given, ports for this machine alone', () => {
    const options = containerOptions(builder, { ...session, devices: ['/dev/kvm'], ports: [2222] });
    expect(options.ExposedPorts).toEqual({ '2222/tcp': {} });
    expect(options.HostConfig?.PortBindings).toEqual({ '2222/tcp': [{ HostIp: '127.0.0.1', HostPort: '2222' }] });
    expect(options.HostConfig?.Devices).toEqual([
      { PathOnHost: '/dev/kvm', PathInContainer: '/dev/kvm', CgroupPermissions: 'rw' },
    ]);
  });

  it('has none otherwise', () => {
    const { HostConfig, ExposedPorts } = containerOptions(builder, session);
    expect([HostConfig?.Devices, HostConfig?.PortBindings, ExposedPorts]).toEqual([undefined, undefined, undefined]);
  });
});
