/** The part of the unpacker that reads archives: Debian packages of which no member is compressed, and the tars in them. */
export const ARCHIVES = String.raw`my (%uid, %gid);
sub id_of { return $_[1] eq '' ? $_[2] : $_[0]{$_[1]} //= ($_[0] == \%uid ? getpwnam $_[1] : getgrnam $_[1]) // $_[2] }

# The members of a tar archive in a file; undef for what is beyond ordinary packages.
sub members {
    my ($file, $at, $end) = @_;
    my @members;
    my ($long, $long_link) = ('', '');
    while ($at + 512 <= $end) {
        sysseek $file, $at, SEEK_SET;
        sysread($file, my $header, 512) == 512 or return;
        last if $header =~ /^\0/;
        my ($name, $mode, $uid, $gid, $size, $mtime, $type, $link, $magic, $uname, $gname, $prefix) =
            unpack 'Z100 a8 a8 a8 a12 a12 x8 a1 Z100 a8 Z32 Z32 x16 Z155', $header;
        for ($mode, $uid, $gid, $size, $mtime) {
            return if !/^\s*([0-7]+)[\0 ]*$/;
            $_ = oct $1;
        }
        my $data = $at + 512;
        $at = $data + int(($size + 511) / 512) * 512;
        if ($type eq 'L' || $type eq 'K') {
            sysseek $file, $data, SEEK_SET;
            sysread($file, my $text, $size) == $size or return;
            $text =~ s/\0.*//s;
            ($type eq 'L' ? $long : $long_link) = $text;
            next;
        }
        $type = '0' if $type eq "\0";
        return if $type !~ /[0125]/;
        $name = "$prefix/$name" if $magic =~ /^ustar\0/ && $prefix ne '';
        ($name, $long) = ($long, '') if $long ne '';
        ($link, $long_link) = ($long_link, '') if $long_link ne '';
        $name =~ s{/+$}{};
        return if $name !~ s{^\.(?=/|$)}{} || $name =~ m{\n|//|/\.\.?(?:/|$)};
        $link =~ s{^(?:\./|/)?}{/} if $type eq '1';
        push @members, {
            path => $name, mode => $mode & 07777, uid => id_of(\%uid, $uname, $uid), gid => id_of(\%gid, $gname, $gid),
            size => $size, mtime => $mtime, type => $type, link => $link, data => $data,
        };
    }
    return \@members;
}

# A package, when its archive is one of ours: three members, none of them compressed.
sub package_in {
    my ($path) = @_;
    sysopen my $file, $path, O_RDONLY or return;
    my ($at, %part) = 8;
    for my $wanted ('debian-binary', 'control.tar', 'data.tar') {
        sysseek $file, $at, SEEK_SET;
        sysread($file, my $header, 60) == 60 or return;
        my ($name, $size) = unpack 'A16 x32 A10', $header;
        return if $name ne $wanted;
        $part{$name} = [$at + 60, $at + 60 + $size];
        $at += 60 + $size + $size % 2;
    }
    my $control = members($file, @{ $part{'control.tar'} }) or return;
    my %info;
    for my $member (grep { $_->{type} eq '0' } @$control) {
        sysseek $file, $member->{data}, SEEK_SET;
        my $text = '';
        sysread($file, $text, $member->{size}) == $member->{size} or return if $member->{size};
        my ($name) = $member->{path} =~ m{^/([^/]+)$} or return;
        $info{$name} = { %$member, text => $text };
    }
    my $data = members($file, @{ $part{'data.tar'} }) or return;
    my %field = map { /^([A-Za-z-]+):\s*(.*)/ ? ($1 => $2) : () } split /\n/, $info{control}{text} // '';
    return if !defined $field{Package} || !defined $field{Architecture} || !defined $field{Version};
    return { archive => $path, file => $file, info => \%info, members => $data, field => \%field };
}

sub text_of { return exists $_[0]{info}{ $_[1] } ? $_[0]{info}{ $_[1] }{text} : '' }

# Nothing is left of a preinst that only looks after files of an earlier version, which there is not.
sub void {
    my ($script) = @_;
    return 0 if $script !~ s{^(?:#!/bin/sh(?: -e)?\n|\z)}{};
    my $lines = qr/(?:[ \t].*)?\n/;
    for ($script) {
        s/^\s*#.*\n//gm;
        s/^\s*(?:set -e|exit 0|dpkg-maintscript-helper (?:(?:rm|mv)_conffile|symlink_to_dir|dir_to_symlink) (?:[^\$&|;<>()#\n\x60]|\\\n)* -- "\$@")\n//gm;
        s/^\w+\(\) \{\n$lines*?\}\n//gm;
        s/^if \[ "\$1" = (?:"?upgrade"? \]|"install" \] && \[ -n "\$2" \])(?: && [^|;\n]*)? ?; then\n(?!(?:$lines)*?\s*el)$lines*?fi\n//gm;
    }
    return $script =~ /^\s*$/;
}

`;
