# Each machine makes its own host keys at its first start.
$OPT_SSHD_ENABLE || exit 0
if ! init_is_systemd; then
  write_file etc/init.d/ssh-host-key 0755 <"$FILES/ssh-host-key.init"
  exit 0
fi
for unit in ssh-host-key.service ssh-host-key-rsa.service; do
  write_file "etc/systemd/system/$unit" <"$FILES/$unit"
done
# Trixie's own unit would make keys of kinds that the policy does not use.
if unit_exists sshd-keygen.service; then mask_unit sshd-keygen.service; fi
