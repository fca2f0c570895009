import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY_MOUNT } from './repository.js';
import { UNPACKER } from './unpacker.js';

/** Nothing is started in a chroot; mmdebstrap does the same by diversion. */
const START_STOP_DAEMON = `#!/bin/sh
exit 0
`;

/** Where jobs in the background leave word, in the target. */
const JOBS = '/run/imgbuild-jobs';

/**
 * `in-background LANE COMMAND…` runs a command beside dpkg, which waits for each maintainer script and keeps one processor
 * busy. Only for what nothing else reads before the end; jobs of a lane run one after the other in their order, and
 * `waitForJobs` sees that all have succeeded. They keep none of the caller's files: debconf waits for who holds its pipe,
 * which scripts have as their file 3, and apt for who holds the one on which dpkg tells its progress. Only bash closes files
 * with numbers of two digits.
 */
const IN_BACKGROUND = `#!/bin/bash
jobs=${JOBS}/$1
shift
mkdir -p "$jobs"
n=0
while [ -e "$jobs/job.$n" ]; do n=$((n + 1)); done
# Locked until the job has ended, however it ends.
exec {lock}> "$jobs/job.$n"
flock "$lock"
(
  for file in /proc/self/fd/*; do
    file=\${file##*/}
    [ "$file" -lt 3 ] || [ "$file" -eq "$lock" ] || eval "exec $file>&-"
  done
  [ "$n" -eq 0 ] || flock "$jobs/job.$((n - 1))" true
  eval '"$@" '"$lock>&-" > "$jobs/log.$n" 2>&1 || { echo "failed: $*"; cat "$jobs/log.$n"; } >> ${JOBS}/failed
  : > "$jobs/done.$n"
) < /dev/null > /dev/null 2>&1 &
`;

/** Shell lines that wait for the jobs of a target, and fail when one did. */
export function waitForJobs(root: string): string {
  return `
if [ -d "${root}${JOBS}" ]; then
  for job in "${root}${JOBS}"/*/job.*; do
    flock "$job" true
    [ -e "\${job%/*}/done.\${job##*.}" ] || { echo "killed: $job"; exit 1; }
  done
  if [ -e "${root}${JOBS}/failed" ]; then cat "${root}${JOBS}/failed"; exit 1; fi
  rm -r "${root}${JOBS}"
fi
`;
}

/**
 * Configures with quicker forms of a few maintainer scripts in place, and puts the real ones back, which are part of the
 * image. A script that does not have what is changed in it stays as it is.
 *
 * - The script of ca-certificates starts three processes for each of 140 certificates to look a line up (20250419: 1 s).
 * - The one of locales looks for each of 500 locales in a file that it has just made (2.31 to 2.41: 0.7 s).
 * - Those of Python compile its library (2 s of one processor), and nothing needs the result before the end. The one of the
 *   larger part does nothing else and comes late: it runs beside dpkg as soon as it can. Meanwhile no program may write its
 *   own result of a module that it imports: hence -B, and PYTHONDONTWRITEBYTECODE for the others.
 */
const CONFIGURE = String.raw`#!/bin/sh
info=/var/lib/dpkg/info aside=/run/imgbuild-scripts
mkdir -p "$aside"
quicken() {
  for script in "$info"/$1; do
    [ -f "$script" ] || continue
    cp -p "$script" "$aside/"
    sed "$2" "$aside/$(basename "$script")" > "$script"
  done
}
is() {
  [ "$(dpkg-query -W -f '$''{db:Status-Status}' "$2" 2>/dev/null)" = "$1" ]
}
quicken ca-certificates.config 's/^set -e$/&\nnl="\n"/
  s/(echo "$\([A-Z_]*\)" | grep -F -q -x "$crt") > \/dev\/null 2>&1/case "$nl$\1$nl" in *"$nl$crt$nl"*) ;; *) false ;; esac/'
quicken locales.postinst 's/cat > $LG << EOF$/fresh=yes; &/
  s/^\( *\)if ! grep -q ".*$locale .*" $LG; then/\1if [ "$fresh" = yes ] || ! grep -q "^[# ]*$locale *\\$" $LG; then/'
for version in 3.9 3.11 3.13; do
  python=/usr/bin/python$version
  quicken python$version-minimal.postinst "s,$python -E -S,${REPOSITORY_MOUNT}/bin/in-background minimal $python -B -E -S,"
  if [ ! -e ${JOBS}/python$version ] && is installed python$version-minimal &&
    is unpacked libpython$version-stdlib && is unpacked python$version; then
    script=$(sed "s,$python -E -S,$python -B -E -S," $info/python$version.postinst)
    ${REPOSITORY_MOUNT}/bin/in-background python$version sh -c "$script" sh configure
  fi
  [ ! -e ${JOBS}/python$version ] || quicken python$version.postinst "s,$python -E -S .*,:,"
done
/usr/bin/dpkg "$@"
status=$?
for script in "$aside"/*; do
  [ -f "$script" ] || continue
  cp -p "$script" "$info/"
  rm "$script"
done
exit $status
`;

/**
 * Quicker stand-ins for a few tools that maintainer scripts call, found first in dpkg's PATH and never part of the image.
 * Each leaves exactly what the real tool and our cleanup together would leave: `build --plain` does without them, and
 * a test compares the two images.
 */
const QUICK: Readonly<Record<string, string>> = {
  // openssh-server's postinst makes host keys (1.7 s, mostly RSA), and an image must not have any.
  'ssh-keygen': `#!/bin/sh
case " $* " in
*" /etc/ssh/ssh_host_"*) exit 0 ;;
esac
exec /usr/bin/ssh-keygen "$@"
`,
  // A kernel's postinst and a trigger of initramfs-tools make an initrd each (20 s), and the collection that makes an image
  // bootable makes it again when everything is set up, by the tool's own path.
  'update-initramfs': `#!/bin/sh
exit 0
`,
  'in-background': IN_BACKGROUND,
  // What takes a file of an earlier version away has nothing to do when there was none; asked a hundred times.
  'dpkg-maintscript-helper': `#!/bin/sh
case "$DPKG_MAINTSCRIPT_NAME:$1" in
preinst:rm_conffile | preinst:mv_conffile | preinst:symlink_to_dir | preinst:dir_to_symlink | \\
  postinst:rm_conffile | postinst:mv_conffile)
  previous=unknown
  for word in "$@"; do
    case $previous:$word in
    unknown:--) previous=action ;;
    action:*) previous='' ;;
    :*) previous=$word ;;
    esac
  done
  [ -n "$previous" ] || exit 0
  ;;
esac
exec /usr/bin/dpkg-maintscript-helper "$@"
`,
  // Asked three times for each unit that is installed, and takes 70 ms to start. A unit that is nowhere below /etc is not
  // masked, and was enabled when every link that is noted is there (init-system-helpers 1.60 to 1.69).
  'deb-systemd-helper': `#!/bin/sh
state=/var/lib/systemd/deb-systemd-helper
if [ -n "$DPKG_MAINTSCRIPT_PACKAGE" ] && [ -z "\${DPKG_ROOT-}" ]; then
  case "$#:$1:\${2-}" in
  2:unmask:*)
    [ -e "/etc/systemd/system/\${2##*/}" ] || [ -e $state-masked ] || exit 0
    ;;
  3:--quiet:was-enabled)
    noted="$state-enabled/\${3##*/}.dsh-also"
    [ -e "$noted" ] || exit 0
    while IFS= read -r link; do
      [ -L "$link" ] || exit 1
    done < "$noted"
    exit 0
    ;;
  esac
fi
exec /usr/bin/deb-systemd-helper "$@"
`,
  // 2 s of one processor. Whether a locale is there can be told only when it is made.
  'locale-gen': `#!/bin/sh
exec ${REPOSITORY_MOUNT}/bin/in-background locale /usr/sbin/locale-gen "$@"
`,
  'update-locale': `#!/bin/sh
/usr/sbin/update-locale --no-checks "$@"
exec ${REPOSITORY_MOUNT}/bin/in-background locale /usr/sbin/update-locale "$@"
`,
  // Scripts ask for it before they call it.
  py3compile: `#!/bin/sh
[ -x /usr/bin/py3compile ] || exit 0
exec ${REPOSITORY_MOUNT}/bin/in-background py3compile /usr/bin/py3compile "$@"
`,
  dpkg: `#!/bin/sh
case " $* " in
*" --unpack "* | *" --install "*) exec ${REPOSITORY_MOUNT}/bin/quick-unpack "$@" ;;
*" --configure "*) exec ${REPOSITORY_MOUNT}/bin/quick-configure "$@" ;;
esac
exec /usr/bin/dpkg "$@"
`,
  'quick-unpack': UNPACKER,
  'quick-configure': CONFIGURE,
  'update-ca-certificates': `#!/bin/sh
exec ${REPOSITORY_MOUNT}/bin/in-background certificates ${REPOSITORY_MOUNT}/bin/quick-ca-certificates "$@"
`,
  // The real one starts five processes for each of 140 certificates, and is run twice. This does the same in one; for
  // arguments that it does not know the real one runs.
  'quick-ca-certificates': `#!/usr/bin/perl
use strict;
use warnings;

my $hooks = '/etc/ca-certificates/update.d';
my @given = @ARGV;
if (@given == 2 && $given[0] eq '--hooksdir' && $given[1] eq '') { $hooks = '' }
elsif (@given) { exec '/usr/sbin/update-ca-certificates', @given }

my ($shared, $local, $certs) = ('/usr/share/ca-certificates', '/usr/local/share/ca-certificates', '/etc/ssl/certs');
exec '/usr/sbin/update-ca-certificates', @given if !-s '/etc/ca-certificates.conf';
chdir $certs or die "$certs: $!\\n";
print "Updating certificates in $certs...\\n";

sub link_name {
    my ($name) = $_[0] =~ m{([^/]+)$};
    $name =~ s/\\.crt$//;
    return $name;
}

sub content {
    open my $file, '<:raw', $_[0] or die "$_[0]: $!\\n";
    local $/;
    my $text = <$file>;
    return $text eq '' || $text =~ /\\n\\z/ ? $text : "$text\\n";
}

my (@added, @removed, $bundle);
open my $conf, '<', '/etc/ca-certificates.conf' or die "/etc/ca-certificates.conf: $!\\n";
my @lines = grep { length } map { chomp; $_ } <$conf>;
for my $name (map { /^!(.*)/s ? $1 : () } @lines) {
    my $pem = "$certs/" . link_name($name) . '.pem';
    if (-l $pem) { unlink $pem; push @removed, $pem }
}
my @wanted;
for my $name (grep { !/^[!#]/ } @lines) {
    if (-f "$shared/$name") { push @wanted, "$shared/$name" }
    else { warn "W: $shared/$name not found, but listed in /etc/ca-certificates.conf.\\n" }
}
if (-d $local) {
    open my $find, '-|', 'find', '-L', $local, '-type', 'f', '-name', '*.crt' or die "find: $!\\n";
    push @wanted, sort map { chomp; $_ } <$find>;
}
$bundle = '';
for my $crt (@wanted) {
    (my $name = link_name($crt)) =~ tr/ ()/_==/;
    $name =~ tr/,/_/;
    my $pem = "$certs/$name.pem";
    if (!-e $pem || (readlink($pem) // '') ne $crt) {
        unlink $pem;
        symlink $crt, $pem or die "$pem: $!\\n";
        push @added, $pem;
    }
    $bundle .= content($crt);
}
if (@added || @removed) {
    for my $link (glob "$certs/*") { unlink $link if -l $link && !-e $link }
    open my $stdout, '>&', \\*STDOUT;
    open STDOUT, '>', '/dev/null';
    system('openssl', 'rehash', '.') == 0 or exit 1;
    open STDOUT, '>&', $stdout;
}
open my $out, '>:raw', "$certs/ca-certificates.crt.new" or die "bundle: $!\\n";
print {$out} $bundle;
close $out or die "bundle: $!\\n";
chmod 0644, "$certs/ca-certificates.crt.new";
rename "$certs/ca-certificates.crt.new", "$certs/ca-certificates.crt" or die "bundle: $!\\n";
printf "%d added, %d removed; done.\\n", scalar @added, scalar @removed;
if ($hooks ne '' && -d $hooks) {
    print "Running hooks in $hooks...\\n";
    chomp(my @scripts = qx(run-parts --test -- $hooks));
    for my $script (@scripts) {
        open my $pipe, '|-', $script or next;
        print {$pipe} map("+$_\\n", @added), map("-$_\\n", @removed);
        close $pipe or warn "E: $script exited with code $?.\\n";
    }
    print "done.\\n";
}
`,
};

/** Writes the stand-ins into a directory that is put first in the target's PATH. */
export function writeShims(directory: string, plain: boolean): void {
  mkdirSync(directory, { recursive: true });
  const shims = { 'start-stop-daemon': START_STOP_DAEMON, ...(plain ? {} : QUICK) };
  for (const [name, text] of Object.entries(shims)) writeFileSync(join(directory, name), text, { mode: 0o755 });
}
