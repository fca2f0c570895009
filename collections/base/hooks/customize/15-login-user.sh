# The account of a person.
$OPT_LOGIN_ENABLE || exit 0
# shellcheck source=collections/base/files/accounts.sh
. "$FILES/accounts.sh"
user=$OPT_LOGIN_USER
id=$OPT_LOGIN_UID

shell=$OPT_LOGIN_SHELL
if ! [ -x "$ROOT$shell" ]; then
  warn "the image has no $shell, so the shell of $user is /bin/sh"
  shell=/bin/sh
fi
add_group "$user" "$id"
add_user "$user" "$id" "$id" "/home/$user" "$shell" 'login user'
{ secret login.password || true; } | set_password "$user" "$OPT_HOSTNAME"
for group in $OPT_LOGIN_GROUPS; do
  add_member "$group" "$user"
done

if $OPT_LOGIN_RAMDISK; then
  ramdisk_home "$user" "$id" 0700 "$OPT_LOGIN_RAMDISK_SIZE" noexec
else
  make_home "$user" "$id" 0700
fi

if $OPT_SSHD_ENABLE && $OPT_LOGIN_SSH; then
  add_member "$OPT_SSHD_LOGIN_GROUP" "$user"
  if $OPT_LOGIN_SSH_SHELL; then add_member "$OPT_SSHD_SHELL_GROUP" "$user"; fi
  if $OPT_LOGIN_SSH_FORWARDING; then add_member "$OPT_SSHD_FORWARDING_GROUP" "$user"; fi
  authorize_keys "$user" "$id" "$OPT_LOGIN_AUTHORIZED_KEYS" ''
fi
