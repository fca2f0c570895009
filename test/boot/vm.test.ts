import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/digest.js';
import { runCommand } from '../support/cli.js';
import { testKey } from '../support/key.js';
import { scratch } from '../support/scratch.js';
import { bySsh, expectGood, kvmMachine, startMachine, verifyBoot } from '../support/vm.js';

const PORT = 22322;

const directory = scratch();
const key = testKey();

describe('a machine for KVM', () => {
  let image: string;
  beforeAll(async () => {
    image = await kvmMachine();
  });

  it('starts twice, grows, and is no twin of another one from its image, which stays as it was', async () => {
    const before = sha256(readFileSync(image));
    const { boots } = await verifyBoot([image]);
    const [report] = boots;
    if (report === undefined) throw new Error('no report');
    expectGood(report);
    expect(report).toMatchObject({ firmware: 'uefi', bus: 'virtio-scsi', nic: 'virtio-net-pci' });
    expect(sha256(readFileSync(image))).toBe(before);
  });

  it('lets its user in by key, and leaves nothing when it is killed', async () => {
    const running = startMachine([image, '--ssh', String(PORT)]);
    await running.shows(/login: /);
    expect(await bySsh(PORT, key.file, 'id -un')).toMatchObject({ code: 0, stdout: 'cosmo\n' });
    running.kill('SIGTERM');
    expect((await running.ended).code).toBe(143);
    // By its port: machines of other files may be running.
    expect(await runCommand(['pgrep', '--full', `hostfwd=\\S*:${String(PORT)}-`])).toMatchObject({
      code: 1,
      stdout: '',
    });
  });
});

describe('a machine with a mistake', () => {
  it('is told when there is nothing to start', async () => {
    const empty = path.join(directory, 'empty.raw');
    execFileSync('truncate', ['-s', '64M', empty]);
    execFileSync('sfdisk', ['-q', empty], { input: 'label: gpt\nstart=2048, size=65536, type=uefi\n' });
    expect(statSync(empty).size).toBe(64 * 2 ** 20);
    const { boots } = await verifyBoot([empty]);
    expect(boots[0]?.findings.map(({ id, message }) => `${id} ${message}`)).toContain(
      'BOOT-001 the firmware finds nothing to start',
    );
  });
});
