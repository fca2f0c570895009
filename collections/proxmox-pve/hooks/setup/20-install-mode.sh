# Packages of Proxmox that find this file configure nothing that runs: there is no machine yet.
write_file proxmox_install_mode </dev/null
