# An account that programs can run as and nobody can log in to.
$OPT_UNPRIVILEGED_ENABLE || exit 0
# shellcheck source=collections/base/files/accounts.sh
. "$FILES/accounts.sh"
user=$OPT_UNPRIVILEGED_USER
id=$OPT_UNPRIVILEGED_UID
add_group "$user" "$id"
add_user "$user" "$id" "$id" "/home/$user" /usr/sbin/nologin 'unprivileged user'
make_home "$user" "$id" 0700
