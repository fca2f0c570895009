#!/usr/bin/perl
# apply-dpkg-filters.pl ROOT: remove files below ROOT that the path-exclude and path-include lines of its dpkg
# configuration leave out of packages, as dpkg would have done had it known them in time.
use strict;
use warnings;
use File::Find;

my $root = $ARGV[0] // die "usage: apply-dpkg-filters.pl ROOT\n";

# fnmatch(3) without flags, as dpkg uses it: `*` and `?` match slashes too.
sub pattern {
    my ($glob) = @_;
    my $regex = '';
    while ($glob =~ /\G(?:(\*)|(\?)|\[([!^]?)(\]?[^\]]*)\]|\\(.)|(.))/gs) {
        if    (defined $1) { $regex .= '.*' }
        elsif (defined $2) { $regex .= '.' }
        elsif (defined $4) { my $not = $3 ne '' ? '^' : ''; my $set = $4; $set =~ s/([\\\]\[])/\\$1/g; $regex .= "[$not$set]" }
        else               { $regex .= quotemeta($5 // $6) }
    }
    return qr/\A$regex\z/s;
}

my (@rules, %starts);
for my $file (sort glob("$root/etc/dpkg/dpkg.cfg.d/*")) {
    next if $file !~ m{/[A-Za-z0-9_-]+\z};    # dpkg ignores other names
    open my $in, '<', $file or die "$file: $!\n";
    while (<$in>) {
        next unless /^\s*path-(exclude|include)(?:\s*=\s*|\s+)(\S+)\s*$/;
        my ($exclude, $glob) = ($1 eq 'exclude', $2);
        push @rules, [$exclude, pattern($glob)];
        # Only below the fixed beginning of an exclusion can there be anything to remove.
        $starts{$1} = 1 if $exclude && $glob =~ m{^((?:/[^/*?\[\\]+)+)};
    }
    close $in;
}

my $removed = 0;
for my $start (sort keys %starts) {
    next if -l "$root$start" || !-d "$root$start";
    finddepth(
        {
            no_chdir => 1,
            wanted   => sub {
                my $path    = substr $_, length $root;
                my $exclude = 0;
                for my $rule (@rules) { $exclude = $rule->[0] if $path =~ $rule->[1] }
                return if !$exclude;
                # A directory that still holds something stays, and that is right.
                if (!-l $_ && -d _) { rmdir $_ }
                else                { unlink $_ or die "$path: $!\n"; $removed++ }
            },
        },
        "$root$start"
    );
}
print STDERR "removed $removed files that dpkg's filters leave out\n" if $removed > 0;
