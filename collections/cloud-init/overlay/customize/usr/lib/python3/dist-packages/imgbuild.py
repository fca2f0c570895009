"""Debian as images of imgbuild have it: cloud-init imports what system_info.distro names (cloudinit.distros.fetch)."""

from cloudinit import subp
from cloudinit.distros import debian


class Distro(debian.Distro):
    def __init__(self, _name, *rest):
        # Modules that are for Debian alone go by the name.
        super().__init__("debian", *rest)

    def generate_fallback_config(self):
        """Without a network in the data the image's own stays, and no DHCP is made up. VMware's datasource asks here, too."""
        return None

    def lock_passwd(self, name):
        """No password fits *, as none fits !, but to sshd without PAM that is an account that nobody may use, by key either."""
        subp.subp(["usermod", "--password", "*", name])
