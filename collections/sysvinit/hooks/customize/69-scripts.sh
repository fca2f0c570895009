# Scripts for packages that have none (orphan-sysvinit-scripts) come with a trigger of dpkg that only a package's installation
# after it pulls: what was installed before it gets its script now.
update=$ROOT/usr/lib/orphan-sysvinit-scripts/update_init_d.sh
if [ -x "$update" ]; then in_target "${update#"$ROOT"}"; fi
