# Keys only, never root, members of the access groups only, terminal and forwarding only for those who may.
# This replaces Debian's configuration: its sshd_config.d is not read.
$OPT_SSHD_ENABLE || exit 0

# The key exchange of today needs OpenSSH 9.9, which trixie has.
case $SUITE in
  bullseye | bookworm)
    kex=curve25519-sha256,curve25519-sha256@libssh.org,diffie-hellman-group16-sha512,diffie-hellman-group18-sha512
    ;;
  *)
    kex=mlkem768x25519-sha256,sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com,curve25519-sha256,curve25519-sha256@libssh.org
    ;;
esac

make_dir etc/ssh
make_dir etc/ssh/conf.d 0700
make_dir etc/ssh/authorized_keys 0710 "0:$OPT_SSHD_LOGIN_GID"
write_file etc/ssh/sshd_config 0600 <<END
# Written by imgbuild. Own settings go to /etc/ssh/conf.d/*.conf; what is set here they cannot change.

# Identity and algorithms
HostKey /etc/ssh/ssh_host_rsa_key
HostKey /etc/ssh/ssh_host_ed25519_key
HostKeyAlgorithms ssh-ed25519,rsa-sha2-512
KexAlgorithms $kex
Ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com
MACs hmac-sha2-512-etm@openssh.com,umac-128-etm@openssh.com

# Who may come in, and how
AllowGroups $OPT_SSHD_LOGIN_GROUP
AuthenticationMethods publickey
PubkeyAuthentication yes
AuthorizedKeysFile /etc/ssh/authorized_keys/%u
PermitRootLogin no
PasswordAuthentication no
PermitEmptyPasswords no
ChallengeResponseAuthentication no
UsePAM no

# What they may do
PermitTTY no
PermitUserRC no
PermitUserEnvironment no
PermitTunnel no
GatewayPorts no
AllowTcpForwarding no
AllowStreamLocalForwarding no
AllowAgentForwarding no
X11Forwarding no
Subsystem sftp internal-sftp

# How it behaves
Banner none
PrintMotd no
PrintLastLog no
TCPKeepAlive yes
UseDNS no

Include /etc/ssh/conf.d/*.conf

Match Group $OPT_SSHD_SHELL_GROUP
  PermitTTY yes

Match Group $OPT_SSHD_FORWARDING_GROUP
  AllowTcpForwarding yes
END
