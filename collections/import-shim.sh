# shellcheck shell=sh
# What hooks of the predecessor find where they are run by imgbuild: its functions and variables. `imgbuild import` puts a
# copy into each collection that it writes; hooks made for imgbuild use lib.sh alone, which this is built on.
#
# A wrapper in hooks/ sources this, sets the OFEAT_ and OCONF_ variables that the hook reads, and calls dbuild_run.
# shellcheck disable=SC2034 # variables are for the hooks

TARGET_ROOTFS=$ROOT
HOOK_FILESDIR=$FILES
# What hooks leave for each other lies in the image until its last hook: setup and customize may run on different days.
DBUILD_STAGING_ROOT=$ROOT/var/lib/imgbuild-import
DBUILD_STAGING_TMP=$DBUILD_STAGING_ROOT/tmp
DBUILD_STAGING_IMG=$DBUILD_STAGING_ROOT/images
DBUILD_STAGING_ENVD=$DBUILD_STAGING_TMP/env.d
DBUILD_STAGING_SYSUSERS=$DBUILD_STAGING_TMP/sysusers
DBUILD_STAGING_UPDATE_INITRAMFS_ENV=$DBUILD_STAGING_TMP/update-initramfs.env
mkdir -p "$DBUILD_STAGING_TMP" "$DBUILD_STAGING_IMG"

# ---- for wrappers ----

# Values of options as variables had them: switches are 1 or 0, lists have blanks (or $2) between their words.
dbuild_flag() { case ${1:-} in '' | false | none | 0 | 0[kKmMgGtT%]) echo 0 ;; *) echo 1 ;; esac; }
dbuild_equal() { if [ "$1" = "$2" ]; then echo 1; else echo 0; fi; }
dbuild_words() { printf '%s' "$1" | tr '\n' "${2:- }"; }
dbuild_mebibytes() { printf '%s' "${1%[mM]}"; }
dbuild_swap() { case ${1:-none} in none) echo 0 ;; *) echo 1 ;; esac; }
dbuild_kernel() {
  case ${1:-none} in
    generic) echo "linux-image-$ARCH" ;;
    cloud) echo "linux-image-cloud-$ARCH" ;;
  esac
}

# dbuild_hash SEED < PASSWORD: the hash of a password, `*` for none; equal builds give equal hashes, so there is no chance in it.
# shellcheck disable=SC2016 # the dollars are perl's
dbuild_hash() {
  perl -MDigest::SHA=sha256_hex -e '
    chomp(my $password = <STDIN> // "");
    print $password eq "" ? "*" : $password =~ /^\$/ ? $password
      : crypt($password, "\$y\$j9T\$" . substr(sha256_hex("import $ARGV[0]"), 0, 32) . "\$");
  ' "$1"
}

# dbuild_run HOOK: run a hook below files/dbuild as it was run before: without errexit and patterns of file names, after the
# functions of its collection and of those that it depends on. What counts is how it ends.
# shellcheck disable=SC3040,SC3041,SC3047 # bash runs hooks: its trap would report what may fail here
dbuild_run() {
  trap - ERR
  set +eE +o pipefail
  for _file in "$FILES"/dbuild/lib/*.sh; do
    # shellcheck source=/dev/null
    [ ! -f "$_file" ] || . "$_file"
  done
  set -f
  # shellcheck source=/dev/null
  . "$FILES/dbuild/$1" || exit
  exit 0
}

# dbuild_accounts: make the users and groups that hooks have asked for; 0 or less is no id: -1 takes a free one of the system,
# -2 one for people.
dbuild_accounts() {
  [ -s "$DBUILD_STAGING_SYSUSERS" ] || return 0
  while read -r _name _uid _group _gid _password _home _shell _groups _comment; do
    case $_name in '' | \#*) continue ;; esac
    [ "$_name" != - ] || _uid=-
    case ${_group:--} in -) _group=$_name ;; esac
    _gid=$(_dbuild_id group "$_group" "${_gid:--}" "$_uid")
    add_group "$_group" "$_gid"
    [ "$_name" != - ] || continue
    case ${_home:--} in -) _home=/ ;; esac
    case ${_shell:--} in -) _shell=/usr/sbin/nologin ;; esac
    add_user "$_name" "$(_dbuild_id passwd "$_name" "$_uid" "$_gid")" "$_gid" "$_home" "$_shell" "${_comment:-}"
    if [ -e "$ROOT/etc/shadow" ] && [ "${_password:--}" != - ]; then
      printf '%s\n' "$_password" | set_password "$_name" import
    fi
    case ${_groups:--} in -) continue ;; esac
    for _member in $(printf '%s' "$_groups" | tr , ' '); do
      [ -n "$(group_field "$_member" 3)" ] || add_group "$_member" "$(_dbuild_id group "$_member" -1 -)"
      add_member "$_member" "$_name"
    done
  done <"$DBUILD_STAGING_SYSUSERS"
}

# _dbuild_id passwd|group NAME ID LIKE: the id that NAME has or shall have; LIKE, of the user, if that is a free number.
_dbuild_id() {
  case $1 in passwd) _have=$(passwd_field "$2" 3) ;; *) _have=$(group_field "$2" 3) ;; esac
  case $3 in *[!0-9]* | '' | 0) ;; *) _have=$3 ;; esac
  if [ -n "$_have" ]; then
    echo "$_have"
    return
  fi
  # A user and its group have the same id where that can be.
  case $4 in *[!0-9]* | '' | 0) ;; *) [ -n "$(account_of "$1" "$4")" ] || { echo "$4" && return; } ;; esac
  _id=100 _last=399
  if [ "$3" = -2 ] || [ "$4" = -2 ]; then _id=1000 _last=1999; fi
  while [ -n "$(account_of passwd "$_id")$(account_of group "$_id")" ]; do
    _id=$((_id + 1))
    [ "$_id" -le "$_last" ] || die "no id is free for $2"
  done
  echo "$_id"
}

# dbuild_environment: add what hooks have asked for to /etc/environment. dbuild_clean: nothing of this stays in the image.
dbuild_environment() {
  [ -d "$DBUILD_STAGING_ENVD" ] || return 0
  { [ ! -f "$ROOT/etc/environment" ] || cat "$ROOT/etc/environment"; dbuild_envd_cat; } >"$SCRATCH/environment"
  write_file etc/environment <"$SCRATCH/environment"
}
dbuild_clean() { rm -rf "$DBUILD_STAGING_ROOT"; }

# ---- messages and commands ----

print_err() { printf '%s\n' "$*" >&2; }
print_info() { printf '%s\n' "$*" >&2; }
print_action() { printf '\n*** %s ***\n' "$*"; }
die() {
  print_err "${1:-the hook gives up}"
  exit "${2:-255}"
}
autodie() {
  "$@" || {
    rc=$?
    die "failed: $*" "$rc"
  }
}
__nostdout__() { "$@" >/dev/null; }
__nostderr__() { "$@" 2>/dev/null; }
__quietly__() { "$@" >/dev/null 2>&1; }
__have_cmd__() { command -v "$1" >/dev/null 2>&1; }
__retlatch__() {
  rc=0
  "$@" || rc=$?
  return "$rc"
}

feat_all() {
  [ $# -gt 0 ] || return 1
  for _value in "$@"; do [ "${_value:-0}" -eq 1 ] || return 1; done
}
feat_not_all() { ! feat_all "$@"; }
feat_any() {
  for _value in "$@"; do [ "${_value:-0}" -ne 1 ] || return 0; done
  return 1
}

# ---- files; paths are those of the build, below $TARGET_ROOTFS ----

check_fs_lexists() { [ -e "$1" ] || [ -L "$1" ]; }

# Owners are users of the image, which the builder does not know.
_dbuild_owner() {
  case $2 in
    *:*) _ids "$2" && chown -h "$_uid:$_gid" "$1" ;;
    *) _ids "$2:0" && chown -h "$_uid" "$1" ;;
  esac
}
dopath() {
  check_fs_lexists "$1" || return
  case ${3:--} in -) ;; *) _dbuild_owner "$1" "$3" || return ;; esac
  case ${2:--} in -) ;; *) chmod "$2" "$1" || return ;; esac
}
dofile() {
  _dofile=$1
  rm -f "$1" || return
  (umask 0177 && : >"$1") || return
  dopath "$1" "${2:-}" "${3:-}" || return
  if [ $# -gt 3 ]; then
    shift 3
    "$@" >"$_dofile"
  fi
}
dodir_mode() {
  mkdir -p "$1" && dopath "$1" "${2:-0755}" "${3:-}"
}
write_to_file() {
  _written=$1
  if [ $# -gt 3 ]; then
    dofile "$@" || die "$_written could not be written"
  else
    dofile "$1" "${2:-}" "${3:-}" cat || die "$_written could not be written"
  fi
}
target_write_to_file() {
  _written=$TARGET_ROOTFS/${1#/}
  shift
  write_to_file "$_written" "$@"
}

# Top-level directories of an overlay that are links in the image are gone through, as before. Arguments are tar's now.
dbuild_import_overlay() {
  _from=$1 _to=$TARGET_ROOTFS/${2:-}
  shift "$(($# < 2 ? $# : 2))"
  mkdir -p "$_to" || return
  tar -C "$_from" --create --owner=0 --group=0 --numeric-owner --exclude=__pycache__ --exclude='*.py[co]' --exclude='*~' \
    --exclude='.*.sw[a-p]' --exclude=.DS_Store "$@" . |
    tar -C "$_to" --extract --preserve-permissions --keep-directory-symlink --no-overwrite-dir
}

verify_file_checksum_generic() {
  _sum=$("$1" <"$3") || return 1
  _want=$(awk -v name="${3##*/}" '{ n = $2; sub(/^\*/, "", n); sub(/.*\//, "", n); if (n == name) { print $1; exit } }' "$2") || return 1
  [ -n "$_want" ] || return 2
  [ "${_sum%% *}" = "$_want" ] || return 3
}
verify_file_checksum() { verify_file_checksum_generic sha512sum "$HOOK_FILESDIR/${2:+$2.}sha512sums" "$1"; }

# ---- the image ----

target_chroot() { SYSTEMD_OFFLINE=1 chroot "$TARGET_ROOTFS" "$@"; }
target_debconf_set_selections() { target_chroot debconf-set-selections; }
target_debconf() { target_debconf_set_selections; }

target_getpwnam_id() {
  [ -r "$TARGET_ROOTFS/etc/passwd" ] || return 2
  pw_uid=$(passwd_field "$1" 3) pw_gid=$(passwd_field "$1" 4)
  [ -n "$pw_uid" ]
}
target_getgrnam_id() {
  [ -r "$TARGET_ROOTFS/etc/group" ] || return 2
  gr_gid=$(group_field "$1" 3)
  [ -n "$gr_gid" ]
}
get_user_extra_groups() {
  groups=
  if feat_all "${OFEAT_SSHD_CONFIG:-0}" "${1:-0}"; then
    groups=$OCONF_SSHD_GROUP_LOGIN
    ! feat_all "${2:-0}" || groups=$groups,$OCONF_SSHD_GROUP_SHELL
    ! feat_all "${3:-0}" || groups=$groups,$OCONF_SSHD_GROUP_FORWARDING
  fi
}

target_is_systemd() { true; }
target_is_sysvinit() { false; }
target_systemctl() { target_chroot systemctl "$@"; }
# Units that are not there were passed over before, too.
target_set_svc() {
  case ${1:-} in
    0 | disable) _verb=disable ;;
    1 | enable) _verb=enable ;;
    mask) _verb=mask ;;
    *) return 64 ;;
  esac
  shift
  for _unit in "$@"; do target_systemctl --quiet "$_verb" "$_unit" || warn "systemctl $_verb $_unit failed"; done
  return 0
}
target_enable_svc() { target_set_svc enable "$@"; }
target_disable_svc() { target_set_svc disable "$@"; }
target_mask_svc() { target_set_svc mask "$@"; }

# ---- what hooks add to: the environment, accounts, the initramfs, the firewall ----

dbuild_envd_reset() { rm -rf "$DBUILD_STAGING_ENVD" && mkdir -p "$DBUILD_STAGING_ENVD"; }
dbuild_envd_push() {
  mkdir -p "$DBUILD_STAGING_ENVD" || return
  _snippet=$DBUILD_STAGING_ENVD/$1
  shift
  if [ $# -gt 0 ]; then "$@" >"$_snippet"; else cat >"$_snippet"; fi
}
dbuild_envd_cat() { find "$DBUILD_STAGING_ENVD" -type f | LC_ALL=C sort | xargs -r cat; }

dbuild_sysusers_reset() { rm -f "$DBUILD_STAGING_SYSUSERS"; }
dbuild_sysusers_write() { cat >>"$DBUILD_STAGING_SYSUSERS"; }
dbuild_sysusers_print() { awk '$1 != "-" && NF > 4 { $5 = "_REDACTED_" } { print }' "$DBUILD_STAGING_SYSUSERS"; }
dbuild_sysusers_add_system_user() {
  printf '%s %s %s %s * %s %s - %s\n' "$1" "${2:--1}" "$1" "${3:-${2:--1}}" "${5:--}" "${6:-/usr/sbin/nologin}" "${4:--}" |
    dbuild_sysusers_write
}
dbuild_sysusers_add_system_group() { printf -- '- - %s %s\n' "$1" "${2:--1}" | dbuild_sysusers_write; }

# The initramfs is always made, once, when all hooks are through; it has no environment of theirs.
dbuild_reset_update_initramfs_env() { rm -f "$DBUILD_STAGING_UPDATE_INITRAMFS_ENV"; }
dbuild_want_update_initramfs() { :; }
dbuild_update_initramfs_env() { for _value in "$@"; do printf '%s\n' "$_value"; done >>"$DBUILD_STAGING_UPDATE_INITRAMFS_ENV"; }
# shellcheck source=/dev/null
dbuild_load_update_initramfs_env() { [ ! -f "$DBUILD_STAGING_UPDATE_INITRAMFS_ENV" ] || . "$DBUILD_STAGING_UPDATE_INITRAMFS_ENV"; }

# Rules go to files that the collection nftables includes.
nft_rules_add() {
  while [ $# -gt 0 ]; do
    case $1 in
      -I) _dbuild_rule input "$2" ;;
      -O) _dbuild_rule output "$2" ;;
      --input-tcp | --input-udp) _dbuild_ports input "${1##*-}" "$2" ;;
      --output-tcp | --output-udp) _dbuild_ports output "${1##*-}" "$2" ;;
      *) die "nft_rules_add: $1 is not known" ;;
    esac
    shift 2
  done
}
_dbuild_rule() { append_line "etc/nftables.d/$1/50-imported.nft" "${2%;}"; }
_dbuild_ports() {
  _ports=$(printf '%s' "$3" | tr -s ' ' '\n' | sort -nu | paste -sd, - | sed 's/^,//; s/,/, /g')
  [ -z "$_ports" ] || _dbuild_rule "$1" "$2 dport { $_ports } accept"
}

# Where programs and libraries are, by how /usr is laid out.
_dbuild_usr=$([ "${OPT_MERGED_USR:-true}" = false ] || echo /usr)
TARGET_FHS_BIN=$_dbuild_usr/bin
TARGET_FHS_SBIN=$_dbuild_usr/sbin
TARGET_FHS_LIB=$_dbuild_usr/lib
TARGET_FHS_LIB32=$_dbuild_usr/lib32
TARGET_FHS_LIB64=$_dbuild_usr/lib64
TARGET_FHS_LIBEXEC=$_dbuild_usr/libexec
