# What is disabled stays so. A first boot without machine-id applies the presets to all units, and Debian's presets are to
# enable: chrony-wait.service would then hold up the boot for minutes. Proxmox VE removes the machine-id of every
# container that it creates. Only units that are here are named, because deb-systemd-helper of trixie follows presets
# when it installs further packages.
in_target systemctl list-unit-files --no-legend --no-pager --state=disabled >"$SCRATCH/disabled"
{
  printf '# Written by imgbuild: what was disabled in the image.\n'
  awk '{ print "disable", $1 }' "$SCRATCH/disabled"
} | write_file etc/systemd/system-preset/20-imgbuild.preset
