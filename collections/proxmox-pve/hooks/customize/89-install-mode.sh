# The machine is one: what is installed on it from now on is to run.
remove proxmox_install_mode tmp/.ifupdown2-first-install
