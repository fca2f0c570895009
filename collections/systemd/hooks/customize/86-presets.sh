# What is disabled stays so. A first boot without machine-id applies the presets to all units, and Debian's presets are to
# enable: chrony-wait.service would then hold up the boot for minutes. Proxmox VE removes the machine-id of every
# container that it creates. Only units that are here are named, because deb-systemd-helper of trixie follows presets
# when it installs further packages.
# `systemctl list-unit-files` would ask for the state of all 200 units (systemd 252: 0.7 s); only one that has an [Install]
# section can be disabled.
# shellcheck disable=SC2016 # for the shell of the image
in_target sh -c '
  cd /
  for directory in etc/systemd/system lib/systemd/system usr/lib/systemd/system; do
    [ ! -d "$directory" ] || find "$directory/" -maxdepth 1 -type f -exec grep -ls "^\[Install\]" {} +
  done | sed "s,.*/,," | sort -u' >"$SCRATCH/installable"
# It fails when none of them is enabled.
in_target xargs -d '\n' systemctl is-enabled <"$SCRATCH/installable" >"$SCRATCH/states" || [ -s "$SCRATCH/states" ]
{
  printf '# Written by imgbuild: what was disabled in the image.\n'
  paste "$SCRATCH/installable" "$SCRATCH/states" | awk '$2 == "disabled" { print "disable", $1 }'
} | write_file etc/systemd/system-preset/20-imgbuild.preset
