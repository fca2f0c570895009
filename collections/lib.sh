# shellcheck shell=sh
# The library of hooks: sourced before every hook of every collection.
#
# A hook is POSIX sh, run as root outside of the image, with errexit and nounset on: a command that fails
# ends the build with the name of the hook and the line. These variables are set:
#   ROOT      the directory that becomes the image          SUITE, ARCH  e.g. bookworm, amd64
#   PHASE     setup, extract, essential or customize        COLLECTION   whose hook this is
#   FILES     the files/ directory of the collection        SCRATCH      a directory that the phases share
#   OPT_…     the options that the hook mentions: login.user is OPT_LOGIN_USER; booleans are true or false,
#             lists have one item a line, records one JSON document a line
#   SOURCE_DATE_EPOCH   the date of the build; nothing else may tell the time
#
# Paths given to these functions are paths of the image, with or without a leading slash. Functions that need
# variables run in a subshell, so nothing of them leaks into the hook. The library itself reads no options:
# what a hook may depend on must be written in the hook, for the cache's sake.
#
# shellcheck disable=SC2016 # the dollars in single quotes belong to awk and perl

# ---- messages ----

# say TEXT…: tell the user what happens.
say() { printf '%s\n' "$*" >&2; }

# warn TEXT…: something is odd, but the build goes on.
warn() { printf 'warning: %s\n' "$*" >&2; }

# die TEXT…: end the build.
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# ---- commands and secrets ----

# in_target COMMAND ARGUMENT…: run a program of the image, with a clean environment.
in_target() {
  # SYSTEMD_OFFLINE: systemctl must edit files and never talk to a manager, wherever the build runs.
  chroot "$ROOT" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
    LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive SYSTEMD_OFFLINE=1 SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" "$@"
}

# secret NAME: print the value of a secret option; fails when it was not given. Pipe it, never put it in an argument.
secret() {
  [ -f "${SECRETS:-/nonexistent}/$1" ] || return 1
  cat "$SECRETS/$1"
}

# debconf_set < LINES: preseed debconf (`package question type value`); the essential phase is the place for it.
debconf_set() { in_target debconf-set-selections; }

# ---- files ----

# in_root PATH: print where PATH of the image is, after making sure that no symbolic link leads out of the image
# (an absolute link such as /var/run would mean the builder's own /run).
in_root() (
  case /$1/ in */../*) die "in_root: $1 contains .." ;; esac
  full=$ROOT/${1#/}
  parent=${full%/*}
  while ! [ -d "$parent" ]; do
    [ ! -L "$parent" ] || die "in_root: $parent is a dangling link"
    parent=${parent%/*}
  done
  real=$(cd -P "$parent" && pwd -P)
  top=$(cd -P "$ROOT" && pwd -P)
  case $real/ in
    "$top"/*) printf '%s\n' "$full" ;;
    *) die "in_root: $1 leads out of the image, to $real" ;;
  esac
)

# owner_ids USER[:GROUP]: print it as numbers of the image (names of the builder mean nothing there).
owner_ids() (
  user=${1%%:*}
  group=
  case $1 in *:*) group=${1#*:} ;; esac
  case $user in
    '' | *[!0-9]*)
      uid=$(passwd_field "$user" 3)
      [ -n "$uid" ] || die "no user $user in the image"
      ;;
    *) uid=$user ;;
  esac
  case $group in
    '') gid=$(passwd_field "$user" 4) ;;
    *[!0-9]*) gid=$(group_field "$group" 3) ;;
    *) gid=$group ;;
  esac
  [ -n "$gid" ] || die "no group for $1 in the image"
  printf '%s:%s\n' "$uid" "$gid"
)

# write_file PATH [MODE=0644] [OWNER=0:0] < CONTENT: write a file whole or not at all, with its directories.
# A symbolic link at PATH is replaced, not followed.
write_file() (
  path=$(in_root "$1")
  ids=${3:-0:0}
  case $ids in *[!0-9:]*) ids=$(owner_ids "$ids") ;; esac
  umask 022
  mkdir -p "${path%/*}"
  new=$path.imgbuild-new
  umask 077
  cat >"$new"
  chown "$ids" "$new"
  chmod "${2:-0644}" "$new"
  mv -fT "$new" "$path"
)

# make_dir PATH [MODE=0755] [OWNER=0:0]: make a directory, with its parents, or correct an existing one.
make_dir() (
  path=$(in_root "$1")
  ids=${3:-0:0}
  case $ids in *[!0-9:]*) ids=$(owner_ids "$ids") ;; esac
  umask 022
  mkdir -p "$path"
  chown "$ids" "$path"
  chmod "${2:-0755}" "$path"
)

# append_line PATH LINE…: add lines to a file (made if missing), except those that are in it already.
append_line() (
  path=$(in_root "$1")
  shift
  [ -e "$path" ] || write_file "${path#"$ROOT"}" </dev/null
  for line in "$@"; do
    grep -qxF -e "$line" "$path" || printf '%s\n' "$line" >>"$path"
  done
)

# remove PATH…: delete files or links of the image, missing or not.
remove() {
  for _remove_path in "$@"; do
    rm -f "$(in_root "$_remove_path")"
  done
}

# ---- systemd units ----

# unit_name NAME: print it with its suffix; `ssh` is ssh.service.
unit_name() {
  case $1 in
    *.service | *.socket | *.timer | *.mount | *.target | *.path | *.automount | *.swap | *.slice) printf '%s\n' "$1" ;;
    *) printf '%s.service\n' "$1" ;;
  esac
}

# unit_exists NAME: true when the image has such a unit, its template, or an init script of the name.
unit_exists() (
  unit=$(unit_name "$1")
  case $unit in ?*@?*.*) unit=${unit%%@*}@.${unit##*.} ;; esac
  for dir in etc/systemd/system usr/local/lib/systemd/system usr/lib/systemd/system lib/systemd/system; do
    # An alias is an absolute link, which the builder cannot follow: it counts all the same.
    if [ -e "$ROOT/$dir/$unit" ] || [ -L "$ROOT/$dir/$unit" ]; then return 0; fi
  done
  case $unit in
    *.service) [ -x "$ROOT/etc/init.d/${unit%.service}" ] ;;
    *) return 1 ;;
  esac
)

# need_unit NAME…: die when one of them does not exist.
need_unit() {
  for _need_unit in "$@"; do
    unit_exists "$_need_unit" || die "there is no unit $_need_unit in the image"
  done
}

# preset_units enable|disable UNIT…: what a first boot without machine-id does with them. systemd then applies
# presets to all units, and Debian's default is to enable, so a unit that is only disabled would come back:
# Proxmox removes the machine-id of each container that it creates.
preset_units() (
  verb=$1
  shift
  file=etc/systemd/system-preset/20-imgbuild.preset
  old=
  [ ! -f "$ROOT/$file" ] || old=$(cat "$ROOT/$file")
  for name in "$@"; do
    unit=$(unit_name "$name")
    old=$(printf '%s\n' "$old" | grep -vxF -e '' -e "enable $unit" -e "disable $unit" || true)
    old="$old
$verb $unit"
  done
  printf '%s\n' "$old" | grep . | write_file "$file"
)

# enable_unit UNIT…: start them at boot; fails when one does not exist or has no [Install] section.
enable_unit() {
  need_unit "$@"
  in_target systemctl --quiet enable "$@"
  preset_units enable "$@"
}

# disable_unit UNIT…: don't start them at boot; fails when one does not exist.
disable_unit() {
  need_unit "$@"
  in_target systemctl --quiet disable "$@"
  preset_units disable "$@"
}

# mask_unit UNIT…: make them impossible to start; fails when one does not exist.
mask_unit() {
  need_unit "$@"
  mask_unit_ahead "$@"
}

# mask_unit_ahead UNIT…: the same for units that need not exist yet, because a later package may bring them.
mask_unit_ahead() (
  make_dir etc/systemd/system
  for name in "$@"; do
    link=$(in_root "etc/systemd/system/$(unit_name "$name")")
    [ -L "$link" ] || [ ! -e "$link" ] || die "$name has a unit file of its own in /etc/systemd/system and cannot be masked"
    ln -sfnT /dev/null "$link"
  done
)

# ---- accounts ----

# passwd_field NAME NUMBER, group_field NAME NUMBER: a field of the entry of exactly that name, or nothing.
# Names are compared as strings ("" makes them so): awk would take `inf` and `nan` for numbers.
passwd_field() { account_field passwd "$@"; }
group_field() { account_field group "$@"; }
account_field() {
  name=$2 number=$3 awk -F: '$1 "" == ENVIRON["name"] "" { print $(ENVIRON["number"]); exit }' "$ROOT/etc/$1"
}

# account_of passwd|group ID: the first name that has the id, or nothing.
account_of() {
  id=$2 awk -F: '$3 + 0 == ENVIRON["id"] + 0 { print $1; exit }' "$ROOT/etc/$1"
}

# check_account NAME ID: die unless they may stand in the databases.
check_account() {
  case $1 in
    '' | [!a-z_]* | *[!a-z0-9_-]*) die "'$1' is not a name for a user or group" ;;
  esac
  case $2 in
    '' | *[!0-9]*) die "'$2', the id of $1, is not a number" ;;
  esac
}

# edit_accounts FILE AWK-PROGRAM: rewrite a database of /etc, keeping its mode and owner. In the essential phase shadow
# and gshadow are not there yet: what their fields in passwd and group say is moved to them when passwd is installed.
edit_accounts() (
  file=$ROOT/etc/$1
  [ -e "$file" ] || return 0
  cp -p "$file" "$file.imgbuild-new"
  awk -F: -v OFS=: "$2" "$file" >"$file.imgbuild-new"
  mv -fT "$file.imgbuild-new" "$file"
)

# shadowed FILE VALUE: what stands for a password in passwd or group, given whether there is the file with the real ones.
shadowed() {
  if [ -e "$ROOT/etc/$1" ]; then echo x; else printf '%s\n' "$2"; fi
}

# add_group NAME GID: make sure of the group; an id or a name that is in use otherwise is an error.
add_group() (
  check_account "$1" "$2"
  have=$(group_field "$1" 3)
  if [ -n "$have" ]; then
    [ "$have" -eq "$2" ] || die "group $1 has gid $have already, it cannot get $2"
    return 0
  fi
  other=$(account_of group "$2")
  [ -z "$other" ] || die "gid $2 for group $1 is taken by group $other"
  line="$1:$(shadowed gshadow '!'):$2:" edit_accounts group '{ print } END { print ENVIRON["line"] }'
  line="$1:!::" edit_accounts gshadow '{ print } END { print ENVIRON["line"] }'
)

# add_user NAME UID GID HOME SHELL COMMENT: make sure of the user, without a password, with GID as primary group.
# Home, shell and comment of an existing user are corrected; another id under that name, or another name with
# that id, is an error. The home directory itself is not made.
add_user() (
  check_account "$1" "$2"
  [ -n "$(account_of group "$3")" ] || die "user $1: there is no group with gid $3"
  case $4$5$6 in *:*) die "user $1: home, shell and comment must not contain a colon" ;; esac
  have=$(passwd_field "$1" 3)
  if [ -n "$have" ]; then
    [ "$have" -eq "$2" ] || die "user $1 has uid $have already, it cannot get $2"
  else
    other=$(account_of passwd "$2")
    [ -z "$other" ] || die "uid $2 for user $1 is taken by user $other"
  fi
  name=$1 line="$1:$(shadowed shadow '*'):$2:$3:$6:$4:$5" edit_accounts passwd \
    '$1 "" == ENVIRON["name"] "" { print ENVIRON["line"]; done = 1; next } { print } END { if (!done) print ENVIRON["line"] }'
  name=$1 day=$((SOURCE_DATE_EPOCH / 86400)) edit_accounts shadow \
    '$1 "" == ENVIRON["name"] "" { done = 1 } { print } END { if (!done) print ENVIRON["name"], "*", ENVIRON["day"], "", "", "", "", "", "" }'
)

# add_member GROUP USER…: make users members of a group, in group and gshadow, sorted.
add_member() (
  group=$1
  shift
  [ -n "$(group_field "$group" 3)" ] || die "there is no group $group"
  for user in "$@"; do
    [ -n "$(passwd_field "$user" 3)" ] || die "group $group: there is no user $user"
  done
  # The members are the fourth field of both databases; insertion sort, as awk has no sort of its own everywhere.
  program='$1 "" == ENVIRON["group"] "" {
    count = split($4 "," ENVIRON["users"], names, ","); list = ""; kept = 0
    for (i = 1; i <= count; i++) {
      if (names[i] == "" || names[i] in seen) continue
      seen[names[i]] = 1
      for (j = ++kept; j > 1 && sorted[j - 1] "" > names[i] ""; j--) sorted[j] = sorted[j - 1]
      sorted[j] = names[i]
    }
    for (i = 1; i <= kept; i++) list = list (i > 1 ? "," : "") sorted[i]
    $4 = list
  } { print }'
  users=$(IFS=, && printf '%s' "$*")
  export group users
  edit_accounts group "$program"
  [ -e "$ROOT/etc/gshadow" ] || return 0
  [ -n "$(account_field gshadow "$group" 1)" ] ||
    line="$group:!::" edit_accounts gshadow '{ print } END { print ENVIRON["line"] }'
  edit_accounts gshadow "$program"
)

# hash_password SEED < PASSWORD: print what belongs in /etc/shadow: `*` (no password) for an empty line, a hash as
# it is, everything else as yescrypt. The salt comes from SEED, so that equal builds give equal images; it must
# not depend on the password, or it would be a quick way to test guesses. Who wants a random salt gives a hash.
hash_password() {
  SEED=$1 perl -MDigest::SHA=sha256_hex -e '
    my $password = <STDIN> // ""; chomp $password;
    if ($password eq "") { print "*\n"; exit }
    if ($password =~ /^[*!]$/ || $password =~ /^\$[^:\s]+$/) { print "$password\n"; exit }
    my $hash = crypt($password, "\$y\$j9T\$" . substr(sha256_hex($ENV{SEED}), 0, 32) . "\$");
    die "error: this system cannot make yescrypt hashes\n" if !defined $hash || $hash !~ /^\$y\$/;
    print "$hash\n"'
}

# set_password USER SEED < PASSWORD: set it in /etc/shadow, see hash_password.
set_password() (
  [ -n "$(passwd_field "$1" 3)" ] || die "there is no user $1"
  hash=$(hash_password "$1 $2")
  name=$1 hash=$hash day=$((SOURCE_DATE_EPOCH / 86400)) edit_accounts shadow \
    '$1 "" == ENVIRON["name"] "" { $2 = ENVIRON["hash"]; $3 = ENVIRON["day"] } { print }'
)
