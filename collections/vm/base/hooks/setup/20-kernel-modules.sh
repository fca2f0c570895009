# Tell dpkg which kernel modules to leave out, before it unpacks a kernel, and for those that come later. Both directories:
# kernels up to Debian 12 ship /lib/modules, those of Debian 13 /usr/lib/modules, and dpkg compares names as packages
# have them.
$OPT_KERNEL_MINIMAL || exit 0
{
  printf '# Written by imgbuild: no kernel modules for hardware that virtual machines do not have.\n'
  grep '^[-+] ' "$FILES/kernel-modules.list" | while read -r sign pattern; do
    case $sign in -) rule=path-exclude ;; *) rule=path-include ;; esac
    printf "$rule=%s\n" "/lib/modules/*/kernel/$pattern" "/usr/lib/modules/*/kernel/$pattern"
  done
} | write_file etc/dpkg/dpkg.cfg.d/90imgbuild-kernel-modules
