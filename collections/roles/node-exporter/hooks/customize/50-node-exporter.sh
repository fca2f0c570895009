# Where the node exporter listens, what it collects, and who may ask.
arguments=--web.listen-address=$OPT_NODE_EXPORTER_LISTEN
for collector in $OPT_NODE_EXPORTER_ENABLE; do arguments="$arguments --collector.$collector"; done
for collector in $OPT_NODE_EXPORTER_DISABLE; do arguments="$arguments --no-collector.$collector"; done
# Asked now: a collector that it does not know would keep it from starting.
for name in $OPT_NODE_EXPORTER_ENABLE $OPT_NODE_EXPORTER_DISABLE; do
  in_target /usr/bin/prometheus-node-exporter --help 2>&1 | grep -E -- "--(\[no-\])?collector\.${name}[[:space:]]" >/dev/null ||
    die "the node exporter of $SUITE has no collector $name"
done
write_file etc/default/prometheus-node-exporter <<END
# Written by imgbuild.
ARGS="$arguments"
END
for network in $OPT_NODE_EXPORTER_FROM; do
  family=ip
  case $network in *:*) family=ip6 ;; esac
  firewall_rule input "$family saddr $network tcp dport ${OPT_NODE_EXPORTER_LISTEN##*:} accept"
done
enable_unit prometheus-node-exporter
