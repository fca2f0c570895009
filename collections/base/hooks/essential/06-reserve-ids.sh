# Packages take free ids for their users and groups, from 999 downwards or from 100 upwards, whatever they meet.
# Keep the ids of our accounts free for customize/04-release-ids.sh: the names of the accounts are not known to this
# phase, so that images with other names can share its result.
# One that Debian itself uses is reported when the account is made, with its name.
reserve_ids "$OPT_CONTROL_UID" "$OPT_LOGIN_UID" "$OPT_UNPRIVILEGED_UID" \
  "$OPT_SSHD_LOGIN_GID" "$OPT_SSHD_SHELL_GID" "$OPT_SSHD_FORWARDING_GID"
