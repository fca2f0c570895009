# The account of automation: by SSH with its keys, then everything by sudo.
$OPT_CONTROL_ENABLE || exit 0
# shellcheck source=collections/base/files/accounts.sh
. "$FILES/accounts.sh"
user=$OPT_CONTROL_USER
id=$OPT_CONTROL_UID

[ -x "$ROOT$OPT_CONTROL_SHELL" ] || die "the image has no $OPT_CONTROL_SHELL, the shell of $user"
add_group "$user" "$id"
add_user "$user" "$id" "$id" "/home/$user" "$OPT_CONTROL_SHELL" 'control user'

# Ansible copies its modules to the home and runs them there, so that must allow it.
if $OPT_CONTROL_RAMDISK; then
  ramdisk_home "$user" "$id" 0711 "$OPT_CONTROL_RAMDISK_SIZE" exec
else
  make_home "$user" "$id" 0711
fi

if $OPT_SSHD_ENABLE && $OPT_CONTROL_SSH; then
  add_member "$OPT_SSHD_LOGIN_GROUP" "$user"
  if $OPT_CONTROL_SSH_SHELL; then add_member "$OPT_SSHD_SHELL_GROUP" "$user"; fi
  if $OPT_CONTROL_SSH_FORWARDING; then add_member "$OPT_SSHD_FORWARDING_GROUP" "$user"; fi
  authorize_keys "$user" "$id" "$OPT_CONTROL_AUTHORIZED_KEYS" "$OPT_CONTROL_FROM"
fi

# Nothing of the caller's environment gets through, and were a password ever asked for, it would be the target's.
write_file "etc/sudoers.d/$user" 0440 <<END
Defaults:$user targetpw, passwd_tries=0
Defaults:$user env_reset, !env_keep, !setenv, !fqdn
Defaults:$user secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
$user ALL=(ALL) EXEC: NOMAIL: NOPASSWD: ALL
END
in_target visudo -q -c -f "/etc/sudoers.d/$user" || die "sudo does not accept /etc/sudoers.d/$user"
