# What this template is, in the fields of a Proxmox VE appliance index.
# shellcheck source=/dev/null
. "$ROOT/etc/os-release"
release=${VERSION_ID:-$SUITE}
# A version begins with a digit; testing has a name there.
version=$(cat "$ROOT/etc/debian_version")
case $version in [0-9]*) ;; *) version=0~$SUITE ;; esac
# KiB that dpkg knows of, given in MiB.
size=$(awk '$1 == "Installed-Size:" { sum += $2 } END { printf "%d", sum / 1024 }' "$ROOT/var/lib/dpkg/status")
write_file etc/appliance.info <<END
Name: debian-$release-imgbuild
Version: $version
Type: lxc
OS: debian-$release
Section: system
Maintainer: imgbuild <root@localhost>
Architecture: $ARCH
Installed-Size: $size
Infopage: https://www.debian.org
Description: Debian $release ($SUITE), made by imgbuild
END
