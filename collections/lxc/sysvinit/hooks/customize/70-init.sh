# The console of a container is /dev/console; `lxc-stop` sends SIGPWR, `lxc-stop --reboot` SIGINT. Proxmox VE adds terminals to this
# file, one for each that the container has.
write_file etc/inittab <<'END'
# Written by imgbuild: a container, see inittab(5).
id:2:initdefault:
si::sysinit:/etc/init.d/rcS
~~:S:wait:/sbin/sulogin --force
l0:0:wait:/etc/init.d/rc 0
l1:1:wait:/etc/init.d/rc 1
l2:2:wait:/etc/init.d/rc 2
l3:3:wait:/etc/init.d/rc 3
l4:4:wait:/etc/init.d/rc 4
l5:5:wait:/etc/init.d/rc 5
l6:6:wait:/etc/init.d/rc 6
ca::ctrlaltdel:/sbin/init 6
p0::powerfail:/sbin/init 0
co:2345:respawn:/sbin/getty --noclear 38400 console
END

# What belongs to the host: its clock, checks of file systems, modules, devices.
for script in hwclock.sh checkroot.sh checkroot-bootclean.sh checkfs.sh kmod udev; do
  if unit_exists "$script"; then disable_unit "$script"; fi
done
enable_unit networking

if $OPT_NTP_ENABLE; then warn "chrony fails in most containers: the clock is the host's (ntp.enable)"; fi
