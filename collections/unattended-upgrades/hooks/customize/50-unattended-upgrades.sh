# What is updated, and when the machine starts again. Debian's own 50unattended-upgrades stays as it is: lists are emptied
# before they are filled, values that come later count.

# entries LIST: as apt.conf(5) writes a list.
entries() { printf '%s\n' "$1" | while read -r entry; do [ -z "$entry" ] || printf '  "%s";\n' "$entry"; done; }

# shellcheck disable=SC2016 # unattended-upgrades itself fills in the code name, also after an upgrade to the next release
{
  cat <<END
// Written by imgbuild.
#clear Unattended-Upgrade::Origins-Pattern;
Unattended-Upgrade::Origins-Pattern {
END
  printf '  "origin=Debian,codename=${distro_codename}%s";\n' ',label=Debian' '-updates' '-security,label=Debian-Security'
  # Until bullseye the archive of security was told by its label alone.
  printf '  "origin=Debian,codename=${distro_codename},label=Debian-Security";\n'
  entries "$OPT_UNATTENDED_UPGRADES_ORIGINS"
  cat <<END
};
#clear Unattended-Upgrade::Package-Blacklist;
Unattended-Upgrade::Package-Blacklist {
$(entries "$OPT_UNATTENDED_UPGRADES_BLOCKED")
};
Unattended-Upgrade::MinimalSteps "true";
Unattended-Upgrade::Mail "$OPT_UNATTENDED_UPGRADES_MAIL";
Unattended-Upgrade::MailReport "only-on-error";
Unattended-Upgrade::Remove-Unused-Kernel-Packages "true";
Unattended-Upgrade::Remove-New-Unused-Dependencies "true";
Unattended-Upgrade::Remove-Unused-Dependencies "true";
Unattended-Upgrade::Automatic-Reboot "$OPT_UNATTENDED_UPGRADES_REBOOT";
Unattended-Upgrade::Automatic-Reboot-WithUsers "$OPT_UNATTENDED_UPGRADES_REBOOT_WITH_USERS";
Unattended-Upgrade::Automatic-Reboot-Time "$OPT_UNATTENDED_UPGRADES_REBOOT_TIME";
Unattended-Upgrade::SyslogEnable "true";
Unattended-Upgrade::OnlyOnACPower "false";
Unattended-Upgrade::Skip-Updates-On-Metered-Connections "false";
END
} | write_file etc/apt/apt.conf.d/51imgbuild-unattended-upgrades

# The package's own files, byte for byte: it asks nothing when it is upgraded.
file=20auto-upgrades
$OPT_UNATTENDED_UPGRADES_ENABLE || file=20auto-upgrades-disabled
[ -s "$ROOT/usr/share/unattended-upgrades/$file" ] || die "unattended-upgrades of $SUITE has no $file"
write_file etc/apt/apt.conf.d/20auto-upgrades <"$ROOT/usr/share/unattended-upgrades/$file"
debconf_set <<END
unattended-upgrades unattended-upgrades/enable_auto_updates boolean $OPT_UNATTENDED_UPGRADES_ENABLE
END

# apt reads all of it, or the machine could not install anything any more.
in_target apt-config dump Unattended-Upgrade::Automatic-Reboot-Time >"$SCRATCH/unattended-upgrades"
grep -qxF "Unattended-Upgrade::Automatic-Reboot-Time \"$OPT_UNATTENDED_UPGRADES_REBOOT_TIME\";" "$SCRATCH/unattended-upgrades" ||
  die "apt does not read the settings of unattended-upgrades: another file of /etc/apt/apt.conf.d sets them, too"
