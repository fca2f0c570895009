# The daemon's settings.
case $OPT_DOCKER_LOG_SIZE in *%) die 'docker.logSize is a size such as 10m, no share' ;; *) ;; esac
size=$(printf '%s' "$OPT_DOCKER_LOG_SIZE" | tr '[:upper:]' '[:lower:]')
{
  printf '{\n  "live-restore": %s,\n' "$OPT_DOCKER_LIVE_RESTORE"
  [ -z "$OPT_DOCKER_ADDRESS_POOL" ] ||
    printf '  "default-address-pools": [{ "base": "%s", "size": 24 }],\n' "$OPT_DOCKER_ADDRESS_POOL"
  [ -z "$OPT_DOCKER_MIRROR" ] || printf '  "registry-mirrors": ["%s"],\n' "$OPT_DOCKER_MIRROR"
  printf '  "log-driver": "json-file",\n  "log-opts": { "max-size": "%s", "max-file": "3" }\n}\n' "$size"
} | write_file etc/docker/daemon.json
if $OPT_DOCKER_LOGIN && $OPT_LOGIN_ENABLE; then add_member docker "$OPT_LOGIN_USER"; fi
enable_unit docker
