import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { CHECKOUT } from '../support/cli.js';
import { BUILT, FSTAB, fstabOf, machine, step, tableOf, uuidOf, type Machine } from '../support/firstboot.js';

const PARTITIONS = ['vda1', 'vda2', 'vda3'];

async function firstBoot(made: Machine, env = {}): Promise<void> {
  const renewed = await step(made, 'renew', env);
  expect(renewed, renewed.stdout + renewed.stderr).toMatchObject({ code: 0 });
  const settled = await step(made, 'settle');
  expect(settled, settled.stdout + settled.stderr).toMatchObject({ code: 0 });
}

/** Everything has an identity of its own, and fstab knows them. */
function expectRenewed(made: Machine): void {
  const [esp, swap, root] = PARTITIONS.map((name) => uuidOf(made, name));
  expect([esp, swap, root]).not.toContain(BUILT.esp);
  expect([esp, swap, root]).not.toContain(BUILT.swap);
  expect([esp, swap, root]).not.toContain(BUILT.root);
  expect(esp).toMatch(/^[0-9A-F]{4}-[0-9A-F]{4}$/);
  expect(fstabOf(made)).toBe(
    FSTAB.replace(BUILT.root, root ?? '')
      .replace(BUILT.esp, esp ?? '')
      .replace(BUILT.swap, swap ?? ''),
  );
  const table = tableOf(made, 'vda');
  expect(table).not.toMatch(new RegExp(`${BUILT.disk}|${BUILT.rootPart}`, 'i'));
  // 40 MiB, less the copy of the table at its end and what that leaves of the last MiB.
  expect(table).toMatch(/vda3 : start= +8192, size= +7168[0-9], /);
  execFileSync('/sbin/e2fsck', ['-fn', made.device('vda3')], { stdio: 'pipe' });
}

describe('identities at the first boot', () => {
  it('are all new, the root partition takes the disk, and names and types stay', async () => {
    const made = machine();
    const before = tableOf(made, 'vda');
    await firstBoot(made);
    expectRenewed(made);
    const shape = (table: string): string[] =>
      table
        .split('\n')
        .flatMap((line) => /type=[^,]+/.exec(line)?.[0].concat(/name="[^"]*"/.exec(line)?.[0] ?? '') ?? []);
    expect(shape(tableOf(made, 'vda'))).toEqual(shape(before));
  });

  it('are other ones on each machine', async () => {
    const [one, two] = [machine(), machine()];
    await firstBoot(one);
    await firstBoot(two);
    for (const name of PARTITIONS) expect(uuidOf(one, name)).not.toBe(uuidOf(two, name));
  });

  it('stay when the first boot runs again', async () => {
    const made = machine();
    await firstBoot(made);
    const ids = [...PARTITIONS.map((name) => uuidOf(made, name)), tableOf(made, 'vda'), fstabOf(made)];
    await firstBoot(made);
    expect([...PARTITIONS.map((name) => uuidOf(made, name)), tableOf(made, 'vda'), fstabOf(made)]).toEqual(ids);
  });

  it('of a copy of the disk beside it are left alone', async () => {
    const made = machine({ copy: true });
    await firstBoot(made);
    expectRenewed(made);
    expect([uuidOf(made, 'vdc1'), uuidOf(made, 'vdc2'), uuidOf(made, 'vdc3')]).toEqual([
      BUILT.esp,
      BUILT.swap,
      BUILT.root,
    ]);
    expect(tableOf(made, 'vdc')).toContain(BUILT.disk);
    await firstBoot(made);
    expect(uuidOf(made, 'vdc3')).toBe(BUILT.root);
  });

  it('reach swap on a second disk', async () => {
    const made = machine({ swapOnSecondDisk: true });
    const before = tableOf(made, 'vdb');
    await firstBoot(made);
    expect(uuidOf(made, 'vdb1')).not.toBe(BUILT.swap);
    expect(fstabOf(made)).toContain(`UUID=${uuidOf(made, 'vdb1')} none swap`);
    expect(tableOf(made, 'vdb').split('\n')[1]).not.toBe(before.split('\n')[1]);
  });

  it('that cannot be reached keep their line in fstab', async () => {
    const made = machine();
    writeFileSync(made.device('vda2'), '');
    await firstBoot(made);
    expect(fstabOf(made)).toContain(`UUID=${BUILT.swap} none swap`);
    expect(fstabOf(made)).toContain(`UUID=${uuidOf(made, 'vda3')} / ext4`);
  });

  it('stay when only growing is wanted', async () => {
    const made = machine();
    writeFileSync(`${made.directory}/conf`, `RENEW=false\nGROW=true\nROOT_ID=${BUILT.rootPart}\nIDENTITIES=""\n`);
    await firstBoot(made);
    expect(fstabOf(made)).toBe(FSTAB);
    expect(tableOf(made, 'vda')).toMatch(/vda3 : start= +8192, size= +7168[0-9], /);
    expect(tableOf(made, 'vda')).toContain(BUILT.disk);
  });
});

describe('a power cut at the first boot', () => {
  const moments = [1, 2, 3, 4].flatMap((call) => [{ DIE_BEFORE: String(call) }, { DIE_AFTER: String(call) }]);

  it.each(moments)('%o: the next start goes on', async (moment) => {
    const made = machine();
    const cut = await step(made, 'renew', moment);
    expect(cut.code).not.toBe(0);
    const guid = tableOf(made, 'vda').split('\n')[1];
    const ids = PARTITIONS.map((name) => uuidOf(made, name));
    await firstBoot(made);
    expectRenewed(made);
    // What was new already has stayed.
    if (!guid?.includes(BUILT.disk)) expect(tableOf(made, 'vda').split('\n')[1]).toBe(guid);
    for (const [index, id] of ids.entries()) {
      if (!Object.values<string>(BUILT).includes(id)) expect(uuidOf(made, PARTITIONS[index] ?? '')).toBe(id);
    }
  });

  it.each([0.1, 0.4, 0.7, 0.95])(
    'in the middle of writing all checksums (%f, both ends): they are written again',
    async (part) => {
      const made = machine({ oldChecksums: true });
      const file = made.device('vda3');
      const before = readFileSync(file);
      await firstBoot(made);
      expectRenewed(made);
      const after = readFileSync(file);
      const cut = Math.floor((before.length / 4096) * part) * 4096;
      for (const half of [
        Buffer.concat([before.subarray(0, cut), after.subarray(cut)]),
        Buffer.concat([after.subarray(0, cut), before.subarray(cut)]),
      ]) {
        writeFileSync(file, half);
        writeFileSync(`${made.directory}/root/etc/fstab`, FSTAB);
        await firstBoot(made);
        expectRenewed(made);
      }
    },
  );

  it('between new identities and fstab: fstab follows', async () => {
    const made = machine();
    expect(await step(made, 'renew')).toMatchObject({ code: 0 });
    expect(fstabOf(made)).toBe(FSTAB);
    await firstBoot(made);
    expectRenewed(made);
  });
});

it("what runs in the initramfs asks nothing of busybox that bullseye's cannot", () => {
  const files = path.join(CHECKOUT, 'collections/firstboot/vm/files/initramfs');
  for (const name of readdirSync(files)) {
    // Its tr takes [:upper:] for eight characters, and says nothing.
    expect(readFileSync(path.join(files, name), 'utf8'), name).not.toContain('[:');
  }
});
