# e2scrub checks snapshots of LVM volumes: without LVM it only loads the device mapper at each boot.
if ! [ -x "$ROOT/sbin/lvcreate" ]; then
  for unit in e2scrub_reap.service e2scrub_all.timer; do
    if unit_exists "$unit"; then disable_unit "$unit"; fi
  done
fi
