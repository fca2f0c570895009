import { ARCHIVES } from './unpacker-archives.js';

/**
 * Unpacks packages in place of `dpkg --unpack`, for those with which that is nothing but writing files: no preinst, no
 * diversion, nothing installed before, no file that another package has. Everything else dpkg does itself, and dpkg
 * configures them all. What dpkg (1.20 to 1.22) spends on a package's processes, backups and syncs is most of its time: for
 * the 96 packages of a container it takes 4.4 s of processor time, this 2 s, of which 1.4 s are dpkg's for 18 of them.
 *
 * It leaves what dpkg would leave, to the second of a directory's time: a test compares the two images. In Perl because
 * perl-base is essential, and needs the packages to be in our store, where their members are not compressed.
 */
export const UNPACKER = String.raw`#!/usr/bin/perl
use strict;
use warnings;
use Fcntl qw(O_RDONLY O_WRONLY O_CREAT O_EXCL SEEK_SET SEEK_CUR);

my ($dpkg, $db) = ('/usr/bin/dpkg', '/var/lib/dpkg');

sub plainly { exec $dpkg, @ARGV or die "$dpkg: $!\n" }

sub content {
    open my $file, '<:raw', $_[0] or return '';
    local $/;
    return scalar(<$file>) // '';
}

# What apt says: options, and archives by name or in a directory, numbered in their order.
my (@options, @archives);
my $install = 0;
for (my $i = 0; $i < @ARGV; $i++) {
    my $word = $ARGV[$i];
    if ($word eq '--status-fd') { push @options, $word, $ARGV[++$i] }
    elsif ($word eq '--recursive') {
        opendir my $directory, $ARGV[++$i] or plainly();
        push @archives, map { "$ARGV[$i]/$_" } sort grep { /\.deb$/ } readdir $directory;
    }
    elsif ($word eq '--install') { $install = 1 }
    elsif ($word =~ /^--(unpack|auto-deconfigure|no-triggers|force-[a-z-]+|status-fd=\d+)$/) { push @options, $word }
    elsif ($word =~ m{^/.*\.deb$}) { push @archives, $word }
    else { plainly() }
}
plainly() if !@archives || grep { !/^\.+$/ } map { m{([^/]+)$} } glob "$db/updates/*";

# Rules of dpkg for what to leave out: its configuration files in their order, by the names that it reads.
my @filters;
for my $file ("/etc/dpkg/dpkg.cfg", sort grep { m{/[A-Za-z0-9_-]+$} } glob '/etc/dpkg/dpkg.cfg.d/*') {
    for my $line (split /\n/, content($file)) {
        next if $line !~ /^\s*path-(exclude|include)(?:\s*=\s*|\s+)(.*?)\s*$/;
        my ($kind, $glob) = ($1, $2);
        $glob = $1 if $glob =~ /^(["'])(.*)\1$/;
        plainly() if $glob =~ /\[[:.=]|\\/;
        my $pattern = join '', map {
            $_ eq '*' ? '.*' : $_ eq '?' ? '.' : /^\[[!^](.*)\]$/s ? "[^$1]" : /^\[/ && length > 1 ? $_ : quotemeta
        } $glob =~ /(\[[!^]?\]?[^\]]*\]|.)/gs;
        my ($start) = $glob =~ m{^(.*?)/*(?:[*?[\\].*)?$}s;
        push @filters, { include => $kind eq 'include', pattern => qr/\A$pattern\z/s, start => $start };
    }
}

# dpkg keeps a directory or link that leads to what a rule brings back, as its filter_should_skip does.
my %skips;
sub skips {
    my ($path, $type) = @_;
    my $skip = 0;
    for my $filter (@filters) { $skip = !$filter->{include} if $path =~ $filter->{pattern} }
    return 0 if !$skip;
    return 1 if $type ne '5' && $type ne '2';
    return !grep { $_->{include} && index($path, $_->{start}) == 0 } @filters;
}

${ARCHIVES}my @packages = map { package_in($_) // plainly() } @archives;

# What dpkg knows already.
my (%known, %configured, $architecture);
for my $stanza (split /\n\n/, content("$db/status")) {
    my ($name) = $stanza =~ /^Package: (.*)$/m or next;
    $known{$name} = 1;
    $configured{$name} = 1 if $stanza =~ /^Status: \S+ \S+ (?:installed|triggers-)/m;
    $architecture = $1 if $name eq 'dpkg' && $stanza =~ /^Architecture: (.*)$/m;
}
for my $field (map { $_->{field} } @packages) { $architecture //= $field->{Architecture} if $field->{Package} eq 'dpkg' }
plainly() if !defined $architecture;
my %owned = map { $_ => 1 } map { split /\n/, content($_) } glob "$db/info/*.list";
my @interests = map { m{^(\S+) ([^/:\s]+)} && $configured{$2} ? $1 : () } split /\n/, content("$db/triggers/File");

# Where a path leads, for a directory may be a link: /lib to usr/lib.
my %canonical = ('' => '');
sub canonical {
    my ($path) = @_;
    return $canonical{$path} //= do {
        my ($parent, $name) = $path =~ m{^(.*)/([^/]*)$};
        my $place = canonical($parent) . "/$name";
        my $link = -l $place ? readlink $place : undef;
        !defined $link ? $place
            : $link =~ m{(?:^|/)\.\.?(?:/|$)} ? plainly()
            : canonical($link =~ m{^/} ? $link =~ s{/+$}{}r : canonical($parent) . "/$link");
    };
}
sub place_of {
    my ($parent, $name) = $_[0] =~ m{^(.*)/([^/]*)$};
    return defined $parent ? canonical($parent) . "/$name" : '';
}

# Only where the order of packages cannot matter: no two of them have the same file, or a directory with other modes.
my (%seen, %made);
for my $package (@packages) {
    for my $member (@{ $package->{members} }) {
        my $place = $member->{place} = place_of($member->{path});
        $member->{skip} = skips($member->{path}, $member->{type});
        my $directory = $member->{type} eq '5';
        my $what = $directory ? "$member->{mode} $member->{uid} $member->{gid}" : 'file';
        my $before = $seen{$place};
        $seen{$place} = $what if !defined $before;
        next if $directory && -d ($place || '/');
        plainly() if defined $before && ($what eq 'file' || $before ne $what);
        $made{$place} //= $member->{mtime} if $directory && !$member->{skip};
    }
}

# mmdebstrap has extracted the essential packages before it installs them: such a file need not be written again.
sub extracted {
    my ($member) = @_;
    my ($type, $place) = @{$member}{qw(type place)};
    my ($device, $inode, $mode, $size, $mtime) = (lstat $place)[0, 1, 2, 7, 9];
    return -l _ && readlink $place eq $member->{link} if $type eq '2';
    if ($type eq '1') {
        my ($its_device, $its_inode) = lstat place_of($member->{link});
        return defined $its_inode && $its_device == $device && $its_inode == $inode;
    }
    return -f _ && $size == $member->{size} && $mtime == $member->{mtime} && ($mode & 07777) == $member->{mode};
}

sub ordinary {
    my ($package) = @_;
    my ($info, $field) = @{$package}{qw(info field)};
    return 0 if $known{ $field->{Package} } || !void(text_of($package, 'preinst'));
    return 0 if $field->{Architecture} ne 'all' && $field->{Architecture} ne $architecture;
    for my $line (split /\n/, text_of($package, 'triggers')) {
        return 0 if $line !~ m{^\s*(?:#.*|activate-noawait\s+[^/\s]+\s*)?$};
    }
    my %conffile;
    for my $line (split /\n/, text_of($package, 'conffiles')) {
        return 0 if $line !~ m{^/\S+$};
        $conffile{$line} = 1;
    }
    my %file;
    for my $member (@{ $package->{members} }) {
        my ($path, $type) = @{$member}{qw(path type)};
        for my $interest (@interests) { return 0 if index("$path/", "$interest/") == 0 }
        return 0 if $member->{skip} && $conffile{$path};
        # dpkg takes a path that a package makes out of the lists of others, even a directory that was removed.
        return 0 if $owned{$path} && ($type ne '5' || !$member->{skip} && !-d ($member->{place} || '/'));
        next if $type eq '5' || $member->{skip};
        if (-l $member->{place} || -e _) {
            return 0 if !$install || !extracted($member);
            $member->{there} = 1;
        }
        return 0 if $type eq '1' && (!$file{ $member->{link} } || $conffile{ $member->{link} });
        return 0 if $conffile{$path} && $type ne '0';
        $file{$path} = 1;
        $member->{conffile} = delete $conffile{$path};
    }
    return !%conffile;
}

# Files that a diversion or an override names are dpkg's.
sub told_otherwise {
    my %named = map { $_ => 1 } split(/\n/, content("$db/diversions")), map { /(\S+)$/ } split /\n/, content("$db/statoverride");
    return grep { $named{ $_->{path} } } @{ $_[0]{members} };
}

my @quick = grep { ordinary($_) } @packages;
plainly() if @quick < 3;
my %quick = map { $_->{archive} => 1 } @quick;
sub leave_to_dpkg { !@_ or system($dpkg, @options, @_) == 0 or exit($? >> 8 || 1) }
unshift @options, '--unpack' if $install;
leave_to_dpkg(grep { !$quick{$_} } @archives);
my %told = map { $_->{archive} => 1 } grep { told_otherwise($_) } @quick;
leave_to_dpkg(grep { $told{$_} } @archives);
@quick = grep { !$told{ $_->{archive} } } @quick;

my $error = sub { die "unpacking $_[0]: $!\n" };

# Directories first; what is written into one then makes it newer. One that stays empty has the time that its first package
# gives it, which may not be the one that made it here.
for my $member (map { @{ $_->{members} } } @quick) {
    my $place = $member->{place};
    next if $member->{type} ne '5' || $member->{skip} || -d ($place || '/');
    mkdir $place, 0700 or $error->($place);
    chown $member->{uid}, $member->{gid}, $place or $error->($place);
    chmod $member->{mode}, $place or $error->($place);
    utime $^T, $made{$place}, $place or $error->($place);
}
for my $place (keys %made) {
    my $mtime = (stat $place)[9];
    utime $^T, $made{$place}, $place if defined $mtime && $mtime < $^T && $mtime != $made{$place};
}

sub write_file {
    my ($place, $member, $source) = @_;
    sysopen my $out, $place, O_WRONLY | O_CREAT | O_EXCL, 0600 or $error->($place);
    if (defined $source) {
        sysseek $source, $member->{data}, SEEK_SET;
        for (my $left = $member->{size}; $left > 0;) {
            my $bytes = sysread $source, my $data, $left < 1 << 18 ? $left : 1 << 18;
            $error->($place) if !$bytes;
            (syswrite $out, $data) == $bytes or $error->($place);
            $left -= $bytes;
        }
    }
    elsif ($member->{text} ne '') { (syswrite $out, $member->{text}) == length $member->{text} or $error->($place) }
    chown $member->{uid}, $member->{gid}, $out or $error->($place);
    chmod $member->{mode}, $out or $error->($place);
    utime $^T, $member->{mtime}, $out or $error->($place);
    close $out or $error->($place);
}

# Its number, where longs have 64 bits: https://man7.org/linux/man-pages/man2/utimensat.2.html, AT_FDCWD, AT_SYMLINK_NOFOLLOW
my $utimensat = { amd64 => 280, arm64 => 88, riscv64 => 88 }->{$architecture};

my $root = { uid => 0, gid => 0, mode => 0644, mtime => $^T };
sub unpack_quickly {
    my %links;
    for my $package (@_) {
        my $file = $package->{file};
        for my $member (@{ $package->{members} }) {
            my ($place, $type) = @{$member}{qw(place type)};
            next if $type eq '5' || $member->{skip} || $member->{there} && !$member->{conffile};
            if ($type eq '2') {
                symlink $member->{link}, $place or $error->($place);
                system('chown', '--no-dereference', "$member->{uid}:$member->{gid}", $place) == 0 or exit 1
                    if $member->{uid} != 0 || $member->{gid} != 0;
                push @{ $links{ $member->{mtime} } }, $place;
            }
            elsif ($type eq '1') { link place_of($member->{link}), $place or $error->($place) }
            else { write_file($member->{conffile} ? "$place.dpkg-new" : $place, $member, $file) }
        }
        my ($info, $field) = @{$package}{qw(info field)};
        my $same = ($field->{'Multi-Arch'} // '') eq 'same';
        my $name = $same ? "$field->{Package}:$field->{Architecture}" : $field->{Package};
        write_file("$db/info/$name.$_", $info->{$_}) for grep { $_ ne 'control' } keys %$info;
        my $list = join '', map { ($_->{path} eq '' ? '/.' : $_->{path}) . "\n" } @{ $package->{members} };
        write_file("$db/info/$name.list", { %$root, text => $list });
    }
    # Perl has no function that dates a link; a process for each of their times is dear.
    while (my ($mtime, $places) = each %links) {
        if (defined $utimensat) {
            for my $place (@$places) {
                my $name = $place;
                syscall($utimensat, -100, $name, pack('q4', $^T, 0, $mtime, 0), 0x100) == 0 or $error->($place);
            }
            next;
        }
        while (my @some = splice @$places, 0, 500) {
            system('touch', '--no-dereference', "--date=\@$mtime", '--', @some) == 0 or exit 1;
        }
    }
}

# Two processes, each with half of the bytes.
my @halves = ([], []);
my @bytes = (0, 0);
for my $package (@quick) {
    my $half = $bytes[0] > $bytes[1] || 0;
    push @{ $halves[$half] }, $package;
    $bytes[$half] += 100_000 + -s $package->{archive};
}
my $child = fork // die "fork: $!\n";
if ($child == 0) {
    # Offsets of files are shared with the parent.
    for my $package (@{ $halves[1] }) { sysopen $package->{file}, $package->{archive}, O_RDONLY or die "$!\n" }
    unpack_quickly(@{ $halves[1] });
    exit 0;
}
unpack_quickly(@{ $halves[0] });
waitpid $child, 0;
exit 1 if $? != 0;

my @stanzas = content("$db/status") =~ s/\n+\z//r;
for my $package (@quick) {
    my $field = $package->{field};
    print "Unpacking $field->{Package} ($field->{Version}) ...\n";
    my $stanza = $package->{info}{control}{text} =~ s/\n+\z//r . "\nStatus: install ok unpacked";
    my @conffiles = split /\n/, text_of($package, 'conffiles');
    $stanza .= join '', "\nConffiles:", map { "\n $_ newconffile" } @conffiles if @conffiles;
    push @stanzas, $stanza;
}
open my $out, '>:raw', "$db/status-new" or die "$db/status-new: $!\n";
print {$out} map { "$_\n\n" } @stanzas;
close $out or die "$db/status-new: $!\n";
rename "$db/status-new", "$db/status" or die "$db/status: $!\n";

if ($install) {
    # As dpkg leaves a directory that it has put a file into.
    my %touched = map { $_->{there} ? ($_->{place} =~ s{/[^/]*$}{}r => 1) : () } map { @{ $_->{members} } } @quick;
    utime $^T, $^T, map { $_ eq '' ? '/' : $_ } keys %touched;
    exec $dpkg, (grep { $_ ne '--unpack' } @options), '--configure', map { $_->{field}{Package} } @packages;
}
`;
