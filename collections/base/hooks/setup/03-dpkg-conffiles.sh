# While packages are installed, configuration files that are there already win over the packages' own.
# customize/89-dpkg-conffiles.sh takes it back.
write_file etc/dpkg/dpkg.cfg.d/99imgbuild-conffiles <<'END'
force-confdef
force-confold
END
