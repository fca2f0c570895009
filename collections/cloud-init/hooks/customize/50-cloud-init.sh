# What cloud-init does here, beside the first boot and the SSH policy of the image.

# That there is no sudo for somebody, cloud-init 20.4 wants as false, and 22.2 and later as null.
no_sudo=null
if [ "$SUITE" = bullseye ]; then no_sudo=false; fi
sources=$(printf '%s\n' "$OPT_CLOUD_INIT_DATASOURCES" | awk 'NF' | paste -sd, - | sed 's/,/, /g')
{
  cat <<END
# Written by imgbuild.
# Without data in one of these cloud-init stays off, and the machine starts as it would without it.
datasource_list: [ ${sources:+$sources, }None ]
# The machine makes its own host keys (ssh-host-key.service): where keys are given, even none, cloud-init makes none.
ssh_deletekeys: false
ssh_keys: {}
disable_root: true
# The name that the data give resolves, beside that of the image.
manage_etc_hosts: localhost
# The first boot grows the root partition before it is mounted; this is for disks that grow later.
growpart: { mode: auto, devices: ['/'] }
resize_rootfs: noblock
END
  if $OPT_CLOUD_INIT_DEFAULT_USER && $OPT_LOGIN_ENABLE; then
    # The account keeps its password and groups, and gets no sudo.
    cat <<END
users: [default]
system_info:
  distro: imgbuild
  default_user:
    name: $OPT_LOGIN_USER
    lock_passwd: false
    groups: []
    sudo: $no_sudo
END
  else
    printf 'users: []\nsystem_info: { distro: imgbuild }\n'
  fi
} | write_file etc/cloud/cloud.cfg.d/95-imgbuild.cfg

# cloud-init 20.4 writes keys to the home, whatever sshd reads; 21.2 and later look up AuthorizedKeysFile.
if [ "$SUITE" = bullseye ] && $OPT_SSHD_ENABLE; then
  sed -i 's|^AuthorizedKeysFile .*|& .ssh/authorized_keys|' "$ROOT/etc/ssh/sshd_config"
fi

# cloud-init 20.4 of bullseye cannot write networkd's files.
if $OPT_CLOUD_INIT_NETWORK && [ "$SUITE" != bullseye ]; then
  write_file etc/cloud/cloud.cfg.d/96-imgbuild-network.cfg <<'END'
# Written by imgbuild: its 10-cloud-init-*.network comes before the image's own 50-default.network.
system_info:
  network:
    renderers: [networkd]
    activators: [networkd]
END
else
  if $OPT_CLOUD_INIT_NETWORK; then warn "cloud-init of $SUITE cannot configure systemd-networkd: the network is the image's"; fi
  write_file etc/cloud/cloud.cfg.d/96-imgbuild-network.cfg <<'END'
# Written by imgbuild: the network is the image's.
network: { config: disabled }
END
fi
