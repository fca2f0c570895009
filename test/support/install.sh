#!/bin/sh
# Installs what the tests need and this machine lacks, from packages.list. Only Debian and its kin are helped; elsewhere
# the tests that miss something are skipped by name.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

command -v apt-get >/dev/null || {
  echo 'install.sh: no apt-get here; tests that miss a tool will be skipped' >&2
  exit 0
}

missing=
wanted=$(sed 's/#.*//' "$here/packages.list")
for package in $wanted; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || {
    echo "install.sh: not root, and no sudo; tests that need one of these will be skipped:$missing" >&2
    exit 0
  }
  as_root=sudo
fi

echo "install.sh: installing$missing" >&2
$as_root apt-get -q update >&2
# shellcheck disable=SC2086 # a list of names without blanks
$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $missing >&2 </dev/null
