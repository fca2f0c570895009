# How udev names network interfaces.
case $OPT_INTERFACE_NAMES in
  kernel)
    write_file etc/systemd/network/99-default.link <<'END'
# Written by imgbuild: interfaces keep the names that the kernel gave them.
[Match]
OriginalName=*

[Link]
NamePolicy=
END
    ;;
  predictable) remove etc/systemd/network/99-default.link ;;
esac
