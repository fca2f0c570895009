import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Filesystem, Layer, Storage } from '../../src/config/layout.js';
import { lvmCrc } from '../../src/disk/crc.js';
import { layerHeaders } from '../../src/disk/headers.js';
import { lvmHeader } from '../../src/disk/lvm2.js';
import { mdSuperblock } from '../../src/disk/md.js';
import { partitionTable } from '../../src/disk/partition-table.js';
import { planDisks } from '../../src/disk/plan.js';
import type { LuksPlan, LvmPlan, Raid1Plan } from '../../src/disk/types.js';
import { leavesOf } from '../../src/disk/walk.js';
import { runCommand } from '../support/cli.js';
import { writeInto } from '../support/disk-files.js';
import { dashed, KIB, lvmPlans, MIB, raidPlans } from '../support/disk-plans.js';
import { formatLuks } from '../support/luks.js';
import { scratch } from '../support/scratch.js';
import { HAVE_UML, inUml } from '../support/uml.js';

const directory = scratch();
const PASSPHRASE = 'vier Kerzen und ein Pferd';
const EPOCH = 1_700_000_000;

function filesystem(mountpoint: string): Filesystem {
  const rest = { options: [], compression: '', snapper: false } as const;
  return { type: 'filesystem', format: 'ext4', mountpoint, label: path.basename(mountpoint), ...rest };
}

const raid1 = (name: string, devices: number, content: Layer): Layer => ({ type: 'raid1', name, devices, content });
const luks = (content: Layer): Layer => ({
  ...{ type: 'luks', name: 'crypt', cipher: 'aes-xts-plain64', keyBits: 512, sectorSize: 4096 },
  ...{ pbkdf: 'argon2id', pbkdfMemory: 32 * KIB, pbkdfIterations: 4, content },
});
const lvm: Layer = {
  type: 'lvm',
  name: 'vg-0',
  volumes: [
    { name: 'root', size: 24 * MIB, content: filesystem('/') },
    { name: 'var-log', size: 12 * MIB, content: filesystem('/var/log') },
    { name: 'swap', size: 8 * MIB, content: { type: 'swap', label: 'swap' } },
  ],
};
const storage: Storage = {
  firmware: 'bios',
  disks: [
    {
      name: 'd',
      table: 'gpt',
      partitions: [
        { name: 'boot', type: 'raid', size: 17 * MIB, content: raid1('boot', 2, filesystem('/boot')) },
        { name: 'root', type: 'raid', size: 80 * MIB, content: raid1('root', 1, luks(lvm)) },
      ],
    },
  ],
};

/** All of a disk, each file system with one file that says which it is. */
async function assemble(file: string): Promise<void> {
  const [disk] = planDisks(storage, 'layers');
  if (disk === undefined) throw new Error('no disk');
  writeFileSync(file, '');
  truncateSync(file, disk.bytes);
  for (const { data } of leavesOf([disk])) {
    const kib = String(data.bytes / 1024);
    const place = `offset=${String(data.start)}`;
    if (data.type === 'swap') {
      // The mkswap of this machine knows no offset.
      const swap = path.join(directory, 'swap');
      writeFileSync(swap, '');
      truncateSync(swap, data.bytes);
      expect(await runCommand(['mkswap', '-U', data.uuid, swap])).toMatchObject({ code: 0 });
      writeInto(file, [{ offset: data.start, bytes: readFileSync(swap) }]);
      continue;
    }
    const tree = path.join(directory, `tree-${data.label}`);
    mkdirSync(tree);
    writeFileSync(path.join(tree, 'which'), data.mountpoint);
    const argv = ['mke2fs', '-q', '-F', '-t', 'ext4', '-b', '4096', '-U', data.uuid, '-E', place, '-d', tree, file];
    expect(await runCommand([...argv, `${kib}k`])).toMatchObject({ code: 0 });
  }
  writeInto(file, layerHeaders(disk, EPOCH));
  const [encrypted] = leavesOf([disk])
    .flatMap(({ carriers }) => carriers)
    .filter((carrier): carrier is LuksPlan => carrier.type === 'luks');
  if (encrypted === undefined) throw new Error('nothing encrypted');
  const context = {
    work: directory,
    signal: new AbortController().signal,
    log: () => undefined,
    emit: () => undefined,
  };
  await formatLuks(context, file, encrypted, PASSPHRASE);
  writeInto(file, partitionTable(disk, 'amd64'));
}

const SCRIPT = `
# By what stands in the superblocks alone: no configuration names the arrays.
mdadm --assemble --scan --run --config=partitions
mdadm --detail --export /dev/md/boot
mdadm --detail /dev/md/root
printf '%s' '${PASSPHRASE}' | cryptsetup open --key-file - /dev/md/root crypt
lvm2 vgck vg-0
lvm2 lvs --noheadings -o lv_name,seg_pe_ranges,lv_size --units m vg-0
lvm2 vgchange -ay vg-0
mkdir /mnt/x
for device in md/boot mapper/vg--0-root mapper/vg--0-var--log; do
  e2fsck -fn /dev/$device
  mount -o ro /dev/$device /mnt/x
  echo "content of $device: $(cat /mnt/x/which)"
  umount /mnt/x
done
swapon /dev/mapper/vg--0-swap
swapoff /dev/mapper/vg--0-swap

# What an administrator does next: a larger volume, and another one.
lvm2 lvextend -l +2 vg-0/root
resize2fs /dev/mapper/vg--0-root
lvm2 lvcreate -Wn -Zn -l 1 -n more vg-0
lvm2 vgck vg-0
lvm2 vgs --noheadings -o vg_name,vg_attr,vg_extent_count,vg_free_count,lv_count

# The second disk: into the degraded array as it is, into the array of one by growing it.
mdadm --manage /dev/md/boot --add /dev/ubdb
mdadm --grow /dev/md/root --raid-devices=2 --force --add /dev/ubdc
for array in boot root; do
  mdadm --wait /dev/md/$array || true # 1: there was nothing to wait for
  md=/sys/block/$(basename "$(readlink -f /dev/md/$array)")/md
  mdadm --grow --bitmap=internal /dev/md/$array
  echo check >$md/sync_action
  mdadm --wait /dev/md/$array || true
  echo "$array: $(cat $md/degraded) missing, $(cat $md/mismatch_cnt) mismatches"
done
`;

/** What lvm2 and mdadm make themselves, to be compared; the size is no multiple of anything. */
const OURS: LvmPlan = {
  ...{ type: 'lvm', name: 'ours', start: 0, bytes: 100 * MIB + 512, extentBytes: 4 * MIB, peStart: MIB, volumes: [] },
  ...{ vgId: 'v'.repeat(32), pvId: '0123456789abcdefghijklmnopqrstuv' },
};

/** A disk of a size that holds these bytes at its start. */
function disk(name: string, bytes: number, start: Buffer = Buffer.alloc(0)): string {
  const file = path.join(directory, name);
  writeFileSync(file, start);
  truncateSync(file, bytes);
  return file;
}

/** A group whose second volume begins where the first one does, with checksums that are right. */
function overlapping(): Buffer {
  const content = { type: 'swap', label: '', uuid: '', start: 0, bytes: 0 } as const;
  const volume = (name: string, firstExtent: number): LvmPlan['volumes'][number] => ({
    ...{ name, id: name.repeat(32), firstExtent, extents: 2, content },
  });
  const header = lvmHeader(
    { ...OURS, name: 'overlap', pvId: 'o'.repeat(32), volumes: [volume('a', 0), volume('b', 2)] },
    EPOCH,
  );
  const [area, text] = [header.subarray(4096, 4608), header.subarray(4608)];
  text.write('0', text.indexOf('"pv0", 2') + 7);
  area.writeUInt32LE(lvmCrc(text.subarray(0, Number(area.readBigUInt64LE(48)))), 56);
  area.writeUInt32LE(lvmCrc(area.subarray(4)), 0);
  return header;
}

/** Our superblock with the identities and times that mdadm has chosen for the same array. */
function asMade(theirs: Buffer): Buffer {
  const given = theirs.subarray(4096);
  const head = mdSuperblock(
    {
      ...{ type: 'raid1', name: 'boot', devices: 2, start: 0, bytes: OURS.bytes, dataOffset: MIB },
      ...{ uuid: '6f2b0c1e-94d3-4e0c-b5c3-7d1f2a8e6b90', deviceUuid: given.toString('hex', 168, 184) },
      content: { type: 'swap', label: '', uuid: '', start: MIB, bytes: 0 },
    },
    Number(given.readBigUInt64LE(64) & 0xffffffffffn),
  );
  const ours = head.subarray(4096);
  // Made at, written at, events, checksum.
  for (const [from, to] of [
    [64, 72],
    [192, 208],
    [216, 220],
  ] as const)
    given.copy(ours, from, from, to);
  return head;
}

/** The rows of a report of LVM's. */
function rows(text: string): Record<string, string>[] {
  const json = text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1);
  const { report } = JSON.parse(json) as { report: Record<string, Record<string, string>[]>[] };
  return report.flatMap((part) => Object.values(part).flat());
}

/** No larger than a file may be. */
function smaller(plan: Raid1Plan): Raid1Plan {
  return { ...plan, bytes: Math.min(plan.bytes, 2 ** 40) };
}

describe.skipIf(!HAVE_UML)('a kernel finds what was planned', () => {
  it('in arrays, encryption and volumes, reads the file systems, and goes on from there', async () => {
    const file = path.join(directory, 'disk.img');
    await assemble(file);
    const spares = ['b', 'c'].map((name) => disk(`${name}.img`, 100 * MIB));
    const log = await inUml(path.join(directory, 'layers'), SCRIPT, [file, ...spares]);
    for (const line of [
      'mdadm: /dev/md/root has been started with 1 drive.',
      'mdadm: /dev/md/boot has been started with 1 drive (out of 2).',
      'MD_DEVICES=2',
      'MD_NAME=any:boot',
      'MD_DEVICE_dev_ubda1_ROLE=0',
      '             State : clean ',
      '  root    /dev/mapper/crypt:0-5  24.00m',
      '  swap    /dev/mapper/crypt:9-10  8.00m',
      '  var-log /dev/mapper/crypt:6-8  12.00m',
      '  3 logical volume(s) in volume group "vg-0" now active',
      'content of md/boot: /boot',
      'content of mapper/vg--0-root: /',
      'content of mapper/vg--0-var--log: /var/log',
      '  Logical volume vg-0/root successfully resized.',
      '  vg-0 wz--n-   15    1   4',
      'boot: 0 missing, 0 mismatches',
      'root: 0 missing, 0 mismatches',
      'all done',
    ]) {
      expect(log.split('\n')).toContain(line);
    }
  });

  it('as lvm2 and mdadm would have written it, and reads any group and any array', async () => {
    const groups = fc.sample(lvmPlans({ volumes: 12, extents: 300 }), { numRuns: 8, seed: 11 });
    const arrays = fc.sample(raidPlans, { numRuns: 3, seed: 11 }).map(smaller);
    const files = [
      ...groups.map((plan, n) => disk(`pv-${String(n)}`, plan.bytes, lvmHeader(plan, EPOCH))),
      ...arrays.map((plan, n) => disk(`md-${String(n)}`, plan.bytes, mdSuperblock(plan, EPOCH))),
      disk('overlap', OURS.bytes, overlapping()),
      disk('lvm2', OURS.bytes),
      disk('mdadm', OURS.bytes),
    ];
    const device = (n: number): string => `/dev/ubd${String.fromCharCode('a'.charCodeAt(0) + n)}`;
    const [pv, member] = [device(files.length - 2), device(files.length - 1)];
    const out = path.join(directory, 'any');
    const log = await inUml(
      out,
      `
# Both complain of the broken group and report the others.
lvm2 pvs --reportformat json --units b --nosuffix -o pv_uuid,pv_size,pe_start,vg_name,vg_uuid >pvs.json || true
lvm2 lvs --reportformat json --units b --nosuffix -o vg_name,lv_name,lv_uuid,lv_size,seg_pe_ranges >lvs.json || true
lvm2 vgck ${groups.map(({ name }) => name).join(' ')}
if lvm2 vgck overlap; then false; fi
n=1
for device in ${arrays.map((_, index) => device(groups.length + index)).join(' ')}; do
  mdadm --assemble --run /dev/md$n $device
  echo "size: $(blockdev --getsize64 /dev/md$n)"
  mdadm --stop /dev/md$n
  n=$((n + 1))
done
lvm2 pvcreate --norestorefile --uuid ${dashed(OURS.pvId)} ${pv}
lvm2 vgcreate theirs ${pv}
mdadm --create /dev/md9 --run --level=1 --raid-devices=2 --metadata=1.2 --assume-clean --bitmap=none --data-offset=1024 \
  --homehost=any --name=boot --uuid=6f2b0c1e:94d34e0c:b5c37d1f:2a8e6b90 ${member} missing
mdadm --stop /dev/md9
sync
`,
      files,
    );
    expect(log).toMatch(/\nall done\n$/);
    const report = (name: string): string => readFileSync(path.join(out, name), 'utf8');
    for (const [n, plan] of groups.entries()) {
      const extents = Math.floor((plan.bytes - plan.peStart) / plan.extentBytes);
      expect(rows(report('pvs.json'))).toContainEqual({
        pv_uuid: dashed(plan.pvId),
        pv_size: String(extents * plan.extentBytes),
        pe_start: String(plan.peStart),
        vg_name: plan.name,
        vg_uuid: dashed(plan.vgId),
      });
      const volumes = plan.volumes.map(({ name, id, firstExtent, extents: count }) => ({
        vg_name: plan.name,
        lv_name: name,
        lv_uuid: dashed(id),
        lv_size: String(count * plan.extentBytes),
        seg_pe_ranges: `${device(n)}:${String(firstExtent)}-${String(firstExtent + count - 1)}`,
      }));
      const found = rows(report('lvs.json')).filter((row) => row['vg_name'] === plan.name);
      expect(found).toHaveLength(volumes.length);
      expect(found).toEqual(expect.arrayContaining(volumes));
    }
    const sizes = Array.from(log.matchAll(/^size: (\d+)$/gm), ([, size]) => Number(size));
    expect(sizes).toEqual(arrays.map(({ bytes, dataOffset }) => Math.floor((bytes - dataOffset) / 4096) * 4096));

    const [byLvm, byMdadm] = files.slice(-2).map((file) => readFileSync(file).subarray(0, MIB));
    if (byLvm === undefined || byMdadm === undefined) throw new Error('no files');
    expect(byLvm.subarray(0, 4096).equals(lvmHeader(OURS, EPOCH).subarray(0, 4096))).toBe(true);
    const superblock = asMade(byMdadm);
    expect(byMdadm.subarray(superblock.length).every((byte) => byte === 0)).toBe(true);
    expect(byMdadm.subarray(0, superblock.length).toString('hex')).toBe(superblock.toString('hex'));
  });
});
