# The web proxy of the machine; each variable once, in small and capital letters, as programs look for either.
variables() {
  for name in http_proxy https_proxy ftp_proxy HTTP_PROXY HTTPS_PROXY FTP_PROXY; do
    printf '%s%s=%s\n' "$1" "$name" "$OPT_PROXY_URL"
  done
  no_proxy=$(printf '%s\n' "$OPT_PROXY_NO_PROXY" | paste -sd, -)
  [ -z "$no_proxy" ] || printf '%s%s=%s\n' "$1" no_proxy "$no_proxy" "$1" NO_PROXY "$no_proxy"
}

if [ -n "$OPT_PROXY_URL" ]; then
  if $OPT_PROXY_ENVIRONMENT; then
    variables '' >"$SCRATCH/proxy"
    while read -r line; do append_line etc/environment "$line"; done <"$SCRATCH/proxy"
  fi
  if $OPT_PROXY_LOCAL_ENV; then
    { printf '# Written by imgbuild: the web proxy.\n' && variables 'export '; } | write_file etc/local-env.d/proxy.sh
  fi
fi

if [ -n "$OPT_PROXY_APT" ]; then
  write_file etc/apt/apt.conf.d/99proxy <<END
Acquire::http::Pipeline-Depth "0";
Acquire::http::Proxy "$OPT_PROXY_APT";
Acquire::https::Proxy "$OPT_PROXY_APT";
END
fi
