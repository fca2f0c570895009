# apropos and whatis need an index; man-db makes it from time to time, but not while packages are installed in an image.
$OPT_MAN_ENABLE || exit 0
once var/cache/man 'usr/share/man usr/local etc/manpath.config etc/man_db.conf etc/alternatives opt' '' \
  in_target mandb --quiet --create
