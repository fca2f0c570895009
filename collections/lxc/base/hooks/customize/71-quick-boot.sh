# When the mount table changes five times within a second, systemd looks at it again only after that second, and holds back
# mounts until then. A container of trixie reaches that with the early services' credential directories, and then waits a
# second for /tmp (ENVIRONMENT.md of systemd; it can be set since 251, and bullseye does not know the keyword).
if [ "$SUITE" != bullseye ]; then
  write_file etc/systemd/system.conf.d/mount-rate-limit.conf <<'END'
[Manager]
ManagerEnvironment=SYSTEMD_DEFAULT_MOUNT_RATE_LIMIT_BURST=50
END
fi

# The device nodes of a container are the host's business.
for unit in systemd-tmpfiles-setup-dev.service systemd-tmpfiles-setup-dev-early.service; do
  if unit_exists "$unit"; then mask_unit "$unit"; fi
done
