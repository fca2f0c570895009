# systemd looks at the mount table at most five times a second and holds back mounts until then (mount.c, ratelimit of
# mountinfo). From 254 on each early service mounts a directory for credentials that it may import, which uses that up
# and makes trixie wait a second for /tmp. Neither LXC nor Proxmox VE hands out credentials.
if grep -qs '^ImportCredential=' "$ROOT/usr/lib/systemd/system/systemd-journald.service"; then
  write_file etc/systemd/system/service.d/imgbuild-no-credentials.conf <<'END'
[Service]
ImportCredential=
END
fi

# The device nodes of a container are the host's business.
for unit in systemd-tmpfiles-setup-dev.service systemd-tmpfiles-setup-dev-early.service; do
  if unit_exists "$unit"; then mask_unit "$unit"; fi
done
