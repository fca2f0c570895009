# The groups that the SSH policy goes by (10-sshd.sh).
$OPT_SSHD_ENABLE || exit 0
add_group "$OPT_SSHD_LOGIN_GROUP" "$OPT_SSHD_LOGIN_GID"
add_group "$OPT_SSHD_SHELL_GROUP" "$OPT_SSHD_SHELL_GID"
add_group "$OPT_SSHD_FORWARDING_GROUP" "$OPT_SSHD_FORWARDING_GID"
