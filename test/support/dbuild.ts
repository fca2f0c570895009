import type { Leaf } from './tree.js';

/**
 * The predecessor's example profiles, written from a description of what they contain: one for each release and target,
 * alike but for what is told here.
 */
export function exampleProfiles(): ReadonlyMap<string, string> {
  const releases = { deb11: 'bullseye', deb12: 'bookworm', deb13: 'trixie' };
  const targets = {
    lxc: 'lxc',
    kvm: 'vm/kvm',
    'hyper-v': 'vm/hyper-v',
    esxi: 'vm/esxi',
    'hardware-bios': 'hardware/bios',
    'hardware-uefi': 'hardware/uefi',
  };
  return new Map(
    Object.entries(releases).flatMap(([release, suite]) =>
      Object.entries(targets).map(([target, kind]) => [`${release}-amd64-${target}`, profile(suite, kind)] as const),
    ),
  );
}

/** The packages that the predecessor asked apt for, by target: the same ones in every release. */
export function examplePackages(target: string): readonly string[] {
  const every = `apt-utils ca-certificates cron dbus dialog init iproute2 iputils-ping keyboard-configuration less locales login
    netbase openssh-server perl python3 python3-apt sudo systemd-sysv tcpdump tmux tzdata vim`;
  const machine = `busybox console-setup e2fsprogs initramfs-tools linux-image-amd64 logrotate man-db manpages rsyslog zstd`;
  const uefi = 'dosfstools efibootmgr grub-efi-amd64';
  const own: Readonly<Record<string, string>> = {
    lxc: '',
    kvm: `${machine} ${uefi} fdisk haveged qemu-guest-agent`,
    'hyper-v': `${machine} ${uefi} fdisk haveged hyperv-daemons`,
    esxi: `${machine} ${uefi} fdisk haveged open-vm-tools`,
    'hardware-bios': `${machine} btrfs-progs grub-pc lvm2`,
    'hardware-uefi': `${machine} ${uefi} btrfs-progs lvm2`,
  };
  const more = own[target];
  if (more === undefined) throw new Error(`no such target: ${target}`);
  return `${every} ${more}`.split(/\s+/).filter(Boolean).sort();
}

function profile(suite: string, kind: string): string {
  const unmerged = `# this release still has /bin beside /usr/bin
OFEAT_MMDEBSTRAP_MERGED_USR=0
OCONF_MMDEBSTRAP_MERGED_USR=''
OFEAT_MERGED_USR=0
`;
  return `# An example to start from.
DBUILD_TARGET_CODENAME='${suite}'
DBUILD_TMPDIR_ROOT='/tmp'
DBUILD_TARGET_COLLECTIONS='
    targets/${kind}/default
    targets/hardening/default
'
# DBUILD_APT_PROXY='http://acng:3142/'
${suite === 'bullseye' ? unmerged : ''}
OCONF_INSTALL_ROOT_PASSWORD='install'

OFEAT_LOGIN_USER_RAMDISK=1
OCONF_LOGIN_USER_RAMDISK_SIZE=1
OFEAT_LOGIN_USER_SSH=1
OFEAT_LOGIN_USER_SSH_SHELL=1
OFEAT_LOGIN_USER_SSH_FORWARDING=1
OCONF_LOGIN_USER='cosmo'
OCONF_LOGIN_SSH_KEY='ssh-ed25519 ...FIXME...'

OCONF_UNPRIV_USER='wanda'

OFEAT_ANSIBLE_CTRL=1
OFEAT_CTRL_USER=1
OFEAT_CTRL_USER_SSH=1
OFEAT_CTRL_USER_SSH_SHELL=1
OFEAT_CTRL_USER_SSH_FORWARDING=1
OCONF_CTRL_SSH_KEY='ssh-ed25519 ...FIXME...'

OFEAT_ROOTFS_MINIMAL=1
OFEAT_ROOTFS_MINIMAL_USR_SHARE=1
${kind === 'lxc' ? '' : 'OFEAT_MAN_PAGES=1\nOFEAT_RSYSLOG=1\n'}`;
}

/** A checkout of the predecessor with what users put there: defaults, a profile, and two collections of their own. */
export const CHECKOUT_OF_A_USER: Readonly<Record<string, Leaf>> = {
  mkimage: '#!/bin/sh\n',
  defaults: "OCONF_TIMEZONE='Etc/UTC'\nDBUILD_APT_PROXY='http://cache:3142'\n",
  'collections/base/meta': '[collection]\n',
  'profiles/README': 'prose\n',
  'profiles/shop': `DBUILD_TARGET_CODENAME=bookworm
DBUILD_TARGET_COLLECTIONS="targets/lxc/default local/shop"
OCONF_HOSTNAME='shop'
OFEAT_SHOP_TLS=1
OCONF_SHOP_PASSWORD='$y$j9T$abc$def'
OCONF_SHOP_ADRESS='typo'
`,
  'collections/local/common/functions.sh': '#!/bin/sh\nshop_say() { print_info "shop: $*"; }\n',
  'collections/local/shop/meta': '[collection]\nDepends = base\n  local/common\nAfter = nftables\n',
  'collections/local/shop/config': `# Serve HTTPS.
OFEAT_SHOP_TLS*=0
# Where it listens.
OCONF_SHOP_ADDRESS*='[::]'
OCONF_SHOP_PASSWORD*=''
OFEAT_CRON=0
OFEAT_NETCONFIG=0
`,
  'collections/local/shop/package.list': '# for the shop\n+lua5.4 -nano\n',
  'collections/local/shop/package.list.sh': `#!/bin/sh
set -u
if feat_all "$OFEAT_SHOP_TLS" && [ "\${DBUILD_TARGET_CODENAME}" != bullseye ]; then
  echo ssl-cert
else
  printf '%s\\n' bc
fi
[ "\${OFEAT_RSYSLOG:-0}" -eq 1 ] && echo "logrotate"
echo "$OCONF_SHOP_MORE"
`,
  'collections/local/shop/host_package.list': 'curl\n',
  'collections/local/shop/README': 'A shop.\n',
  'collections/local/shop/files/page.html': 'welcome\n',
  'collections/local/shop/overlay/customize/etc/shop/key': 'k\n',
  'collections/local/shop/overlay/customize/etc/shop/old~': 'left by an editor\n',
  'collections/local/shop/overlay/customize/libexec/shop': '#!/bin/sh\n',
  'collections/local/shop/overlay/customize.permtab':
    '# TYPE MODE OWNER PATH\nf 0600 root etc/shop/key\nd 0750 root:games srv\nD 0700 - /srv/shop dir\n',
  'collections/local/shop/hooks/setup/06-users.sh': `dbuild_sysusers_add_system_user shop -1 -1 "" /srv/shop
dbuild_sysusers_add_system_group shopkeepers 350
print_info "merged: \${OFEAT_MERGED_USR}"
`,
  'collections/local/shop/hooks/customize/50-shop.sh': `# Nothing of this is how hooks are written today.
print_action "shop"
false
missing=$(ls *.none 2>/dev/null)
if feat_all "\${OFEAT_SHOP_TLS}"; then
  printf 'listen %s\\n' "\${OCONF_SHOP_ADDRESS}" | target_write_to_file /etc/shop/shop.conf 0640 shop
fi
printf '%s %s %s\\n' "\${OCONF_HOSTNAME}" "\${OFEAT_CRON}" "\${OCONF_SHOP_PASSWORD}" > "\${TARGET_ROOTFS}/etc/shop/facts"
autodie dodir_mode "\${TARGET_ROOTFS}/srv/pages" 0755
autodie cp "\${HOOK_FILESDIR}/page.html" "\${TARGET_ROOTFS}/srv/pages/"
target_getpwnam_id shop || die "no user"
printf '%s\\n' "\${pw_uid}" > "\${TARGET_ROOTFS}/etc/shop/uid"
target_chroot touch /etc/shop/touched
echo 'SHOP=1' | dbuild_envd_push 50-shop
target_set_svc disable e2scrub_reap no-such-unit
shop_say done
exit 0
`,
  'collections/local/shop/hooks/customize/late.sh':
    'nft_rules_add --input-tcp "8443 8080 8080"\nfrobnicate_target || true\n',
  'collections/local/shop/hooks/customize/60-odd.sh':
    'dbuild_frob x\ncp x "$DBUILD_STAGING_IMG/"\ncurl -O http://x/\necho "$OCONF_SHOP_COLOUR"\n',
};
