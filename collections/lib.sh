# shellcheck shell=sh
# The library of hooks: sourced before every hook of every collection.
#
# A hook is POSIX sh, run as root outside of the image: a command that fails ends the build with the name of the hook and
# the line. These variables are set:
#   ROOT      the directory that becomes the image          SUITE, ARCH  e.g. bookworm, amd64
#   PHASE     setup, extract, essential or customize        COLLECTION   whose hook this is
#   FILES     the files/ directory of the collection        SCRATCH      a directory that the phases share
#   OPT_…     the options that the hook mentions: login.user is OPT_LOGIN_USER; booleans are true or false,
#             lists have one item a line, records one JSON document a line
#   SOURCE_DATE_EPOCH   the date of the build; nothing else may tell the time
#
# Paths are paths of the image, with or without a leading slash. Names that begin with an underscore are the library's
# own. It reads no options: a hook depends on what is written in it, for the cache's sake. Processes are spared where
# that stays readable, as a phase calls these functions a hundred times.

# shellcheck disable=SC3040 # a command that fails in a pipe counts, too (POSIX since 2024; bash runs the hooks)
set -o pipefail

# ---- messages ----

# say TEXT…: tell the user what happens. warn TEXT…: something is odd, but the build goes on. die TEXT…: end the build.
say() { printf '%s\n' "$*" >&2; }
warn() { say "warning: $*"; }
die() { say "error: $*"; exit 1; }

# ---- commands and secrets ----

# in_target COMMAND ARGUMENT…: run a program of the image, with a clean environment.
in_target() {
  # SYSTEMD_OFFLINE: systemctl must edit files and never talk to a manager, wherever the build runs.
  chroot "$ROOT" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
    LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive SYSTEMD_OFFLINE=1 SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" "$@"
}

# secret NAME: print the value of a secret option; fails when it was not given. Pipe it, never put it in an argument.
secret() { [ -f "${SECRETS:-/nonexistent}/$1" ] && cat "$SECRETS/$1"; }

# debconf_set < LINES: preseed debconf (`package question type value`); the essential phase is the place for it.
debconf_set() { in_target debconf-set-selections; }

# ---- machines ----

# serial_port VALUE: the port that a value of boot.serial means: `auto` is the first one of a machine of this architecture.
serial_port() {
  case $1:$ARCH in
    auto:arm*) printf 'ttyAMA0,115200\n' ;;
    auto:*) printf 'ttyS0,115200\n' ;;
    *) printf '%s\n' "$1" ;;
  esac
}

# ---- files ----

# _in_root PATH: set _path to where PATH of the image is, after making sure that no symbolic link leads out of it (an
# absolute link such as /var/run would mean the builder's own /run).
_in_root() {
  _rest=${1#/}
  case /$_rest/ in */../*) die "$1 contains .." ;; esac
  _path=$ROOT/$_rest
  _parent=$ROOT
  while :; do
    case $_rest in */*) ;; *) return 0 ;; esac
    _parent=$_parent/${_rest%%/*}
    _rest=${_rest#*/}
    if [ -L "$_parent" ]; then
      case $(readlink -m "$_parent") in
        "$(readlink -m "$ROOT")"/*) ;;
        *) die "$1 leads out of the image: $_parent is a link to $(readlink "$_parent")" ;;
      esac
    fi
  done
}

# _ids USER:GROUP: set _uid and _gid to their numbers in the image (names of the builder mean nothing there).
_ids() {
  _uid=${1%%:*}
  _gid=${1#*:}
  case $_uid in *[!0-9]*) _uid=$(passwd_field "$_uid" 3) ;; esac
  case $_gid in *[!0-9]*) _gid=$(group_field "$_gid" 3) ;; esac
  if [ -z "$_uid" ] || [ -z "$_gid" ]; then die "the image has no user or group $1"; fi
}

# write_file PATH [MODE=0644] [OWNER=0:0] < CONTENT: write a file whole or not at all, with its directories.
# A symbolic link at PATH is replaced, not followed.
write_file() {
  _in_root "$1"
  _ids "${3:-0:0}"
  [ -d "${_path%/*}" ] || install -d "${_path%/*}"
  install -m "${2:-0644}" -o "$_uid" -g "$_gid" /dev/stdin "$_path.imgbuild-new"
  mv -fT "$_path.imgbuild-new" "$_path"
}

# make_dir PATH [MODE=0755] [OWNER=0:0]: make a directory, with its parents, or correct an existing one.
make_dir() {
  _in_root "$1"
  _ids "${3:-0:0}"
  install -d -m "${2:-0755}" -o "$_uid" -g "$_gid" "$_path"
}

# append_line PATH LINE…: add lines to a file (made if missing), except those that are in it already.
append_line() {
  _file=$1 && shift
  _in_root "$_file"
  [ -e "$_path" ] || write_file "$_file" </dev/null
  for _line in "$@"; do grep -qxF -e "$_line" "$_path" || printf '%s\n' "$_line" >>"$_path"; done
}

# in_fstab DIRECTORY: whether the disk has something to mount there (its lines are in /etc/fstab before any hook runs).
in_fstab() { awk -v at="$1" '!/^#/ && $2 == at { found = 1 } END { exit !found }' "$ROOT/etc/fstab" 2>/dev/null; }

# remove PATH…: delete files or links of the image, missing or not.
remove() { for _file in "$@"; do _in_root "$_file"; rm -f "$_path"; done; }

# ---- services ----

# init_is_systemd: true unless init scripts start the image; nothing but the package sysvinit-core has this file.
init_is_systemd() { [ ! -e "$ROOT/usr/share/sysvinit/inittab" ]; }

# _unit NAME: set _unit to the name with its suffix; `ssh` is ssh.service.
_unit() {
  case $1 in
    *.service | *.socket | *.timer | *.mount | *.target | *.path | *.automount | *.swap | *.slice) _unit=$1 ;;
    *) _unit=$1.service ;;
  esac
}

# unit_exists NAME: true when the image has such a unit or its template (with systemd), or an init script of the name.
unit_exists() {
  _unit "$1"
  if [ "$_unit" != "${_unit%.service}" ] && [ -x "$ROOT/etc/init.d/${_unit%.service}" ]; then return 0; fi
  init_is_systemd || return 1
  case $_unit in ?*@?*.*) _unit=${_unit%%@*}@.${_unit##*.} ;; esac
  for _dir in etc/systemd/system usr/local/lib/systemd/system usr/lib/systemd/system lib/systemd/system; do
    # An alias is an absolute link, which the builder cannot follow: it counts all the same.
    if [ -e "$ROOT/$_dir/$_unit" ] || [ -L "$ROOT/$_dir/$_unit" ]; then return 0; fi
  done
  return 1
}

_need_units() { for _name in "$@"; do unit_exists "$_name" || die "there is no unit $_name in the image"; done; }

# _init_scripts enable|disable UNIT…: without systemd. `defaults` makes the links that the other verbs rename.
_init_scripts() {
  _verb=$1 && shift
  for _name in "$@"; do
    in_target update-rc.d "${_name%.service}" defaults
    in_target update-rc.d "${_name%.service}" "$_verb"
  done
}

# enable_unit UNIT…: start them at boot; fails when one does not exist or has no [Install] section.
enable_unit() {
  _need_units "$@"
  init_is_systemd || { _init_scripts enable "$@"; return 0; }
  _list=
  for _name in "$@"; do
    # systemctl takes long over services that have an init script as well, and those were enabled with their package.
    if ! [ -x "$ROOT/etc/init.d/${_name%.service}" ] ||
      [ "$(in_target systemctl is-enabled "$_name" 2>/dev/null)" != enabled ]; then
      _list="$_list $_name"
    fi
  done
  # shellcheck disable=SC2086 # names of units, which have no blanks
  [ -z "$_list" ] || in_target systemctl --quiet enable $_list
}

# disable_unit UNIT…: don't start them at boot; fails when one does not exist.
disable_unit() {
  _need_units "$@"
  if init_is_systemd; then in_target systemctl --quiet disable "$@"; else _init_scripts disable "$@"; fi
}

# mask_unit UNIT…: make them impossible to start; fails when one does not exist. Without systemd they are not started.
mask_unit() {
  _need_units "$@"
  if init_is_systemd; then mask_unit_ahead "$@"; else _init_scripts disable "$@"; fi
}

# mask_unit_ahead UNIT…: the same for units that need not exist yet, because a later package may bring them.
mask_unit_ahead() {
  for _name in "$@"; do
    _unit "$_name"
    _in_root "etc/systemd/system/$_unit"
    if [ -e "$_path" ] && ! [ -L "$_path" ]; then die "$_name is a file of /etc/systemd/system and cannot be masked"; fi
    ln -sfnT /dev/null "$_path"
  done
}

# ---- firewall ----

# firewall_rule input|output RULE…: rules of nftables, each the text of one, for images with the collection nftables (say
# `after: [nftables]`); nothing happens in others. Ports that are open to all are better set as nftables.input.tcp.
firewall_rule() {
  _chain=$1 && shift
  case $_chain in input | output) ;; *) die "firewall_rule knows input and output, not $_chain" ;; esac
  [ -d "$ROOT/etc/nftables.d/$_chain" ] || return 0
  append_line "etc/nftables.d/$_chain/50-$(printf %s "$COLLECTION" | tr / -).nft" "$@"
}

# ---- accounts ----

# add_group NAME GID: make sure of the group; a name or an id that is in use otherwise is an error.
# add_user NAME UID GID HOME SHELL COMMENT: make sure of the user, without a password, with GID as primary group, which
#   must exist. Home, shell and comment of an existing user are corrected. The home directory is not made.
# add_member GROUP USER…: make users members of a group, in group and gshadow, sorted.
# reserve_ids ID…: give each id that is free to a user and a group of the name imgbuild-reserved-ID.
add_group() { _accounts group "$@"; }
add_user() { _accounts user "$@"; }
add_member() { _accounts member "$@"; }
reserve_ids() { _accounts reserve "$@"; }

# set_password USER SEED < PASSWORD: set it in /etc/shadow. An empty line means no password (`*`), a hash is taken as it
# is, everything else is hashed with yescrypt. The salt comes from USER and SEED, so that equal builds give equal images;
# it must not depend on the password, or it would be a quick way to test guesses. For a random salt, give a hash.
set_password() { _accounts password "$@"; }

# passwd_field NAME NUMBER, group_field NAME NUMBER: print a field of the entry of exactly that name, or nothing.
# account_of passwd|group ID: print the first name that has the id, or nothing.
passwd_field() { _accounts field passwd "$@"; }
group_field() { _accounts field group "$@"; }
account_of() { _accounts name "$@"; }

# In the essential phase shadow and gshadow are not there yet: what stands in their place in passwd and group moves to
# them when the package passwd is installed.
# shellcheck disable=SC2016 # the dollars are perl's
_accounts() {
  perl -e '
    use strict; use warnings;
    my $etc = "$ENV{ROOT}/etc";
    my $day = int($ENV{SOURCE_DATE_EPOCH} / 86400);
    my (%text, %db);
    for (qw(passwd group shadow gshadow)) {
      open my $in, "<", "$etc/$_" or next;
      $text{$_} = join "", <$in>;
      $db{$_} = [map { [split /:/, $_, -1] } split /\n/, $text{$_}];
    }
    sub fail { print STDERR "error: @_\n"; exit 1 }
    sub first { my ($file, $test) = @_; for (@{$db{$file} // []}) { return $_ if $test->() } return undef }
    sub named { my ($file, $name) = @_; return first($file, sub { $_->[0] eq $name }) }
    sub numbered { my ($file, $id) = @_; return first($file, sub { ($_->[2] // "") =~ /^\d+$/ && $_->[2] == $id }) }
    sub append { my ($file, @fields) = @_; push @{$db{$file}}, \@fields if $db{$file} && !named($file, $fields[0]); return }
    sub is_new {
      my ($file, $what, $name, $id) = @_;
      fail("\"$name\" is no name for a $what") if $name !~ /^[a-z_][a-z0-9_-]{0,31}$/;
      fail("\"$id\", the id of $name, is no number") if $id !~ /^\d{1,9}$/;
      my ($have, $other) = (named($file, $name), numbered($file, $id));
      fail("$what $name has the id $have->[2] already, it cannot get $id") if $have && $have->[2] != $id;
      fail("id $id for $what $name is taken by $what $other->[0]") if !$have && $other;
      return !$have;
    }
    my %verb;
    %verb = (
      field => sub { my ($file, $name, $number) = @_; my $entry = named($file, $name); print "$entry->[$number - 1]\n" if $entry },
      name => sub { my $entry = numbered(@_); print "$entry->[0]\n" if $entry },
      group => sub {
        my ($name, $gid) = @_;
        append("group", $name, $db{gshadow} ? "x" : "!", $gid, "") if is_new("group", "group", $name, $gid);
        append("gshadow", $name, "!", "", "");
      },
      user => sub {
        my ($name, $uid, $gid, $home, $shell, $comment) = @_;
        fail("user $name: home, shell and comment cannot hold a colon or a line break") if "$home$shell$comment" =~ /[:\n]/;
        append("passwd", $name, $db{shadow} ? "x" : "*", $uid) if is_new("passwd", "user", $name, $uid);
        fail("user $name: there is no group with the id $gid") if !numbered("group", $gid);
        @{named("passwd", $name)}[3 .. 6] = ($gid, $comment, $home, $shell);
        append("shadow", $name, "*", $day, ("") x 6);
      },
      reserve => sub {
        for my $id (@_) {
          next if numbered("passwd", $id);
          my $name = "imgbuild-reserved-$id";
          $verb{group}->($name, $id) if !numbered("group", $id);
          $verb{user}->($name, $id, $id, "/", "/usr/sbin/nologin", "");
        }
      },
      member => sub {
        my ($name, @users) = @_;
        fail("there is no group $name") if !named("group", $name);
        for (@users) { fail("group $name: there is no user $_") if !named("passwd", $_) }
        append("gshadow", $name, "!", "", "");
        for my $entry (grep { defined } map { named($_, $name) } qw(group gshadow)) {
          my %members = map { ($_ => 1) } @users, grep { $_ ne "" } split /,/, $entry->[3];
          $entry->[3] = join ",", sort keys %members;
        }
      },
      password => sub {
        my ($name, $seed) = @_;
        my $entry = named("shadow", $name) or fail("there is no user $name in /etc/shadow");
        chomp(my $password = <STDIN> // "");
        my $hash = $password eq "" ? "*" : $password;
        if ($hash !~ /^(?:[*!]|\$[^:\s]+)$/) {
          require Digest::SHA;
          $hash = crypt $password, "\$y\$j9T\$" . substr(Digest::SHA::sha256_hex("$name $seed"), 0, 32) . "\$";
          fail("this system cannot make yescrypt hashes") if !defined $hash || $hash !~ /^\$y\$/;
        }
        @$entry[1, 2] = ($hash, $day);
      },
    );
    my ($verb, @arguments) = @ARGV;
    $verb{$verb}->(@arguments);
    for my $file (grep { $db{$_} } sort keys %db) {
      my $new = join "", map { join(":", @$_) . "\n" } @{$db{$file}};
      next if $new eq $text{$file};
      my ($path, $mode, $uid, $gid) = ("$etc/$file", (stat "$etc/$file")[2, 4, 5]);
      umask 077;
      open my $out, ">", "$path.new" or fail("$path.new: $!");
      print({$out} $new) && close($out) && chown($uid, $gid, "$path.new")
        && chmod($mode & 07777, "$path.new") && rename("$path.new", $path) or fail("$path: $!");
    }
  ' "$@"
}
