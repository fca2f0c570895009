# shellcheck shell=sh
# What both steps of the first boot know. Sourced in the initramfs, where there is busybox and little else.
#
# How a power cut at any moment is survived
# -----------------------------------------
# There is no journal that could be torn: the disk itself says what has been done.
#
# 1. The partition table is written once: new GUIDs and the root partition's new end together. sfdisk (libfdisk) writes
#    the copy at the disk's end first, then the entries at its start, then the header. Cut before the last: the old
#    table or its copy counts, which UEFI firmware puts back by itself, and the kernel looks for the copy as well
#    (parameter `gpt` on the command line). The disk's new GUID is random, and everything else comes out of it: each new
#    identity is a digest of that GUID and of the identity that the image was built with. So the second attempt, which
#    finds the root partition with another GUID than the image's, comes to the same identities as the first.
# 2. Each file system that still has the image's UUID gets its new one by one write of one superblock: ext4 keeps the seed of
#    its checksums apart from the UUID (metadata_csum_seed), so that no other block changes. One that has its new UUID is
#    left alone. Where GRUB is too old for that (bullseye), all checksums are written again, and again after a power cut.
# 3. Only then is the root file system mounted, by its device, and fstab replaced by rename.
# 4. On the running machine (/usr/lib/imgbuild/firstboot) the file system grows, which the kernel journals; then the
#    configuration of GRUB gets the new UUIDs. It is overwritten in place, equally long, within one sector or block: GRUB
#    does not replay journals, so renaming would let it see neither the old nor the new file for a while.
# 5. Last, what makes GRUB start the first boot is emptied in place, and then everything is removed.
#
# From 1 to 4 GRUB's configuration names UUIDs that are gone. It does not matter: the stub on the EFI system partition takes
# the partition of the same disk that has /boot/grub/grub.cfg, and firstboot.cfg asks the root file system for the UUID that
# it has just then.

# shellcheck source=/dev/null
. "${FIRSTBOOT_CONF:-/conf/imgbuild-firstboot}"

say() { echo "first boot: $*"; }

# Not by classes of characters, which tr of bullseye's busybox takes literally.
# shellcheck disable=SC2018,SC2019
lower() { tr A-Z a-z; }
# shellcheck disable=SC2018,SC2019
upper() { tr a-z A-Z; }

# disk_of DEVICE, number_of DEVICE: the disk that a partition is on (/dev/vda), and its number there; nothing for what
# is no partition.
disk_of() {
  _place=$(readlink -f "${FIRSTBOOT_SYS:-/sys}/class/block/${1##*/}") || return 0
  [ -e "$_place/partition" ] || return 0
  _place=${_place%/*}
  echo "${1%/*}/${_place##*/}"
}
number_of() { cat "$(readlink -f "${FIRSTBOOT_SYS:-/sys}/class/block/${1##*/}")/partition"; }

# derive GUID OLD: the identity that takes the place of OLD on the disk with that GUID, as a UUID.
derive() {
  printf '%s %s' "$1" "$2" | lower | sha256sum |
    sed -E 's/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*/\1-\2-4\3-a\4-\5/'
}

# renewed GUID OLD TYPE: the same, as that type of file system writes it.
renewed() {
  case $3 in
    vfat) derive "$1" "$2" | upper | sed -E 's/^(.{4})(.{4}).*/\1-\2/' ;;
    *) derive "$1" "$2" ;;
  esac
}

# with_uuid UUID: the devices that have it.
with_uuid() { blkid -c /dev/null -o device -t "UUID=$1" || :; }

# new_guid: a random one, once the kernel has enough randomness for it.
new_guid() {
  head -c 16 /dev/random >/dev/null
  cat /proc/sys/kernel/random/uuid
}

# rewrite_table DISK GUID GROWING: write the table with other GUIDs, all at once; GROWING is the number of the partition that
# takes the rest of the disk, if it is the last one.
rewrite_table() {
  sfdisk --dump "$1" >"${work:?}/old" || return 1
  # mawk and busybox' awk have no way to derive: the new GUIDs come as a list.
  sed -nE 's/.*[ ,]uuid=([0-9A-Fa-f-]+).*/\1/p' "$work/old" | while read -r id; do
    echo "$id $(derive "$2" "$id")"
  done >"$work/guids"
  awk -v guid="$2" -v renew="$RENEW" -v growing="$3" -v list="$work/guids" '
    BEGIN { while ((getline line < list) > 0) { split(line, pair, " "); new[pair[1]] = pair[2] } }
    FNR == NR {
      if (match($0, /start= *[0-9]+/)) {
        start = substr($0, RSTART, RLENGTH); sub(/start= */, "", start)
        device = $1; number = device; sub(/.*[^0-9]/, "", number)
        if (start + 0 > last + 0) { last = start; lastnumber = number }
      }
      next
    }
    /^last-lba:/ { next }
    /^label-id:/ && renew == "true" { print "label-id: " guid; next }
    /start=/ {
      number = $1; sub(/.*[^0-9]/, "", number)
      if (number == growing && number == lastnumber) sub(/size= *[0-9]+, */, "")
      if (renew == "true" && match($0, /uuid=[0-9A-Fa-f-]+/)) {
        id = substr($0, RSTART + 5, RLENGTH - 5)
        if (id in new) $0 = substr($0, 1, RSTART + 4) new[id] substr($0, RSTART + RLENGTH)
      }
    }
    { print }
  ' "$work/old" "$work/old" >"$work/new"
  sfdisk --quiet --force --wipe never --wipe-partitions never "$1" <"$work/new" || return 1
  sync
}

# settle: wait until udev has seen the new table.
settle() { if command -v udevadm >/dev/null; then udevadm settle --timeout=10; fi; }
