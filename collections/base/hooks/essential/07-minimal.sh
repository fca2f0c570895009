# The essential packages are unpacked before dpkg can read its filters: remove what these would have left out.
perl "$FILES/apply-dpkg-filters.pl" "$ROOT"
