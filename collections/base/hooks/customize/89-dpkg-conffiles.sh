# On the machine dpkg shall ask again before it keeps or replaces a configuration file.
remove etc/dpkg/dpkg.cfg.d/99imgbuild-conffiles
