# root's password; without one root cannot log in by password.
{ secret rootPassword || true; } | set_password root "$OPT_HOSTNAME"
