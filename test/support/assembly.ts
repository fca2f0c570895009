import { copyFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Partition, Storage } from '../../src/config/layout.js';
import { INSIDE } from '../../src/host/mounts.js';
import { inBuilder } from './builder.js';
import { CHECKOUT } from './cli.js';
import { MIB } from './disk-plans.js';

export const EPOCH = 1_700_000_000;

/** A partition for data. */
export const part = (name: string, mib: number, content: NonNullable<Partition['content']>): Partition => ({
  name,
  type: 'linux',
  size: mib * MIB,
  content,
});

const TREE = `
mkdir -p t/boot/efi/EFI/BOOT t/boot/efi/EFI/debian t/boot/grub t/etc t/usr/bin t/var/log/journal
echo shim > t/boot/efi/EFI/BOOT/BOOTX64.EFI
echo stub > t/boot/efi/EFI/debian/grub.cfg
head -c 300000 /dev/urandom > t/boot/vmlinuz
ln -s vmlinuz t/boot/link
ln t/boot/vmlinuz t/boot/grub/hard
echo user > t/etc/passwd; chmod 640 t/etc/passwd; chgrp 42 t/etc/passwd
cp /bin/true t/usr/bin/ping; setcap cap_net_raw+ep t/usr/bin/ping
cp /bin/true t/usr/bin/su; chmod 4755 t/usr/bin/su
long=$(printf 'long-%.0s' $(seq 1 40)); echo x > "t/boot/$long"
chmod 711 t/boot; chown 3:4 t/var/log/journal; chmod 2755 t/var/log/journal
echo umlaut > t/etc/größe
head -c 2000000 /dev/zero > t/usr/zeros; head -c 9000000 /dev/urandom > t/usr/random
`;
/** Packs the tree at `t` into the tar $1. */
export const PACK = `tar --create --directory=t --sort=name --format=pax \
  --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime,delete=mtime \
  --xattrs --xattrs-include=security.capability --xattrs-include='user.*' --numeric-owner \
  --mtime=@${String(EPOCH)} --clamp-mtime --file="$1" .`;

/** Makes a small tree of all kinds of files in the directory, at `t`, and its tar `tree.tar`. */
export async function makeTree(directory: string): Promise<void> {
  copyFileSync(path.join(CHECKOUT, 'test/support/assemble.js'), path.join(directory, 'assemble.js'));
  writeFileSync(path.join(directory, 'package.json'), '{"type":"module"}');
  await inBuilder(directory, `cd ${INSIDE.work}; ${TREE} ${PACK}`, ['tree.tar']);
}

interface More {
  readonly tar?: string;
  readonly suite?: string;
  /** Shell words before the command. */
  readonly as?: string;
  /** Where the work directory lies, when not in `directory`; the disk comes back from there. */
  readonly aside?: string;
  readonly passphrases?: Readonly<Record<string, string>>;
}

type Assemble = (storage: Storage, work: string, more?: More) => Promise<string>;

/** Assembles disks from a tar of that directory, in the builder; the result is what is said: warnings, an error. */
export function assemblerIn(directory: string): Assemble {
  return async (storage, work, more = {}) => {
    const { suite = 'bookworm', passphrases = {} } = more;
    const target = { suite, architecture: 'amd64', epoch: EPOCH, passphrases };
    const own = `${INSIDE.work}/${work}`;
    const job = {
      storage,
      seed: 'seed',
      tar: `${INSIDE.work}/${more.tar ?? 'tree.tar'}`,
      work: more.aside ?? own,
      target,
    };
    const file = `${work.replaceAll('/', '-')}.json`;
    writeFileSync(path.join(directory, file), JSON.stringify(job));
    const back = more.aside === undefined ? '' : `; mkdir -p ${own}; cp -r --sparse=always ${more.aside}/disks ${own}`;
    return await inBuilder(directory, `${more.as ?? ''} node ${INSIDE.work}/assemble.js "${INSIDE.work}/$1"${back}`, [
      file,
    ]);
  };
}
